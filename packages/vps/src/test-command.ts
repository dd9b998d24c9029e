/**
 * `batond test`: one real request for each consumer that can make one cheaply, with the very token that
 * lies where it reads. The request asks the provider whose token it is, so it spends nothing; `--claude` has
 * the claude of each sink answer a prompt, which counts as use.
 */

import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { Secret } from "@baton/core/secret";
import type { Clock } from "@baton/io/clock";
import { runCommand } from "@baton/io/run-command";
import { VERSION } from "@baton/io/version";
import { askService } from "./ask-service.ts";
import { atHome } from "./at-home.ts";
import { consumerToken } from "./consumer-token.ts";
import type { NameStatus, WarningsTestedAnswer } from "./control-message.ts";
import { claudePrograms } from "./doctor/claude-found.ts";
import { loadSettings } from "./load-settings.ts";
import { openRoute } from "./open-route.ts";
import { httpProbe, type Probe } from "./probe.ts";
import { jsonLine, type Said } from "./said.ts";
import { providerOf, type SinkSettings } from "./settings.ts";
import type { Places } from "./surroundings.ts";
import { codeOf, describeTested, judgeConsumer, type Tested } from "./test-words.ts";
import { lookAtNames } from "./watch-names.ts";

export interface TestOptions {
	readonly places: Places;
	/** All names unless given. */
	readonly name: string | undefined;
	/** Also a prompt to the claude of each sink that writes for one. */
	readonly claude: boolean;
	/** Instead: a test message by each outlet for warnings. */
	readonly warnings: boolean;
	readonly json: boolean;
	readonly environment: NodeJS.ProcessEnv;
	readonly home: string;
	readonly clock: Clock;
}

/** @throws BatonError `service-unavailable`; `usage` for an unknown name; `bad-settings` */
export async function test(options: TestOptions): Promise<Said> {
	const tested = options.warnings ? await testWarnings(options) : await testNames(options);
	const code = codeOf(tested);
	const stdout = options.json
		? jsonLine({ ok: code === 0, tested })
		: `${tested.flatMap(describeTested).join("\n")}\n`;
	return { stdout, stderr: "", code };
}

async function testWarnings({ places, clock }: TestOptions): Promise<Tested[]> {
	const asked = await askService(places.state, { v: 1, type: "test-warnings" }, clock);
	const { outlets } = asked as WarningsTestedAnswer;
	if (outlets.length === 0) {
		const says = "no outlet is in the settings: nobody is warned but who looks";
		return [
			{ what: "warnings", outcome: "untestable", says, hint: "see warnings in docs/settings.md" },
		];
	}
	return outlets.map(({ name, trouble, hint }): Tested => {
		const what = `warnings/${name}`;
		if (trouble === undefined) return { what, outcome: "works", says: "a test message was taken" };
		return { what, outcome: "fails", says: trouble, hint };
	});
}

async function testNames(options: TestOptions): Promise<Tested[]> {
	const { places, name, environment, clock } = options;
	const settings = await loadSettings(places.settings);
	const { names } = await lookAtNames({ stateFolder: places.state, name, clock });
	const route = await openRoute(settings.provider, environment);
	const { requestLimit } = settings.timing;
	const now = () => clock.now();
	const probe = httpProbe(providerOf(settings, VERSION), requestLimit, now, route);
	const tested: Tested[] = [];
	for (const status of names) {
		tested.push(await testService(status, probe, options));
		const sinks = Object.entries(settings.names[status.name]?.sinks ?? {});
		for (const [sink, about] of sinks) {
			tested.push(...(await testSink(`${status.name}/${sink}`, about, probe, options)));
		}
	}
	return tested;
}

/** What `batond token` gives to whoever asks. */
async function testService(
	{ name, serves }: NameStatus,
	probe: Probe,
	{ places, clock }: TestOptions,
): Promise<Tested> {
	if (serves === undefined) {
		const says = "no access token is given out";
		return { what: name, outcome: "fails", says, hint: "batond status" };
	}
	const asked = await askService(places.state, { v: 1, type: "token", name }, clock);
	if (asked.type !== "token") return { what: name, outcome: "fails", says: "it has just ended" };
	const { kind } = await probe(new Secret(asked.accessToken));
	return { ...judgeConsumer(name, kind), ...(kind === "good" ? { says: SERVED } : {}) };
}

const SERVED = "the provider takes the token that batond token gives out";

async function testSink(
	what: string,
	about: SinkSettings,
	probe: Probe,
	options: TestOptions,
): Promise<Tested[]> {
	const lies = await tokenAt(about);
	if (lies.kind === "untestable") return [{ what, outcome: "untestable", says: lies.why }];
	if (lies.kind === "none")
		return [{ what, outcome: "fails", says: lies.why, hint: "batond sinks" }];
	const first = judgeConsumer(what, (await probe(lies.token)).kind);
	const prompts = options.claude && about.type === "claude-code";
	return prompts ? [first, await prompt(what, atHome(about.configDir), options)] : [first];
}

async function tokenAt(about: SinkSettings) {
	try {
		return await consumerToken(about);
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return { kind: "none" as const, why: error.message };
	}
}

const PROMPT = ["-p", "Reply with the one word: ok"] as const;
const PASSED_ON = [
	"PATH",
	"HOME",
	"LANG",
	"HTTPS_PROXY",
	"HTTP_PROXY",
	"NO_PROXY",
	"NODE_EXTRA_CA_CERTS",
];

/** As it would run there, but without what outranks its file: that is the doctor's to find. */
async function prompt(
	what: string,
	configDir: string,
	{ environment, home }: TestOptions,
): Promise<Tested> {
	const [program] = await claudePrograms(environment, home);
	if (program === undefined) {
		return { what, outcome: "untestable", says: "there is no claude on this machine" };
	}
	const kept = PASSED_ON.flatMap((key) => (environment[key] ? [[key, environment[key]]] : []));
	const env = {
		...Object.fromEntries(kept),
		CLAUDE_CONFIG_DIR: configDir,
		DISABLE_AUTOUPDATER: "1",
	};
	try {
		const { code } = await runCommand([program, ...PROMPT], { env, timeoutMs: 120 * SECOND });
		if (code === 0) return { what, outcome: "works", says: `${program} answers a prompt` };
		const says = `${program} did not answer a prompt: it ended with ${code ?? "a signal"}`;
		return {
			what,
			outcome: "fails",
			says,
			hint: `CLAUDE_CONFIG_DIR=${configDir} claude, to see why`,
		};
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return { what, outcome: "fails", says: error.message, hint: error.hint };
	}
}
