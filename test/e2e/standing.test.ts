/** How the service is set up and kept: its unit, its key, its settings. */
import { execFileSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Child, runChild, startChild, stopAllChildren } from "../parts/child-process.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import {
	type BatondHost,
	connectDevice,
	deliver,
	handOver,
	makeBatondHost,
	untilAnswered,
} from "./batond-host.ts";
import { until } from "./stories/until.ts";

let provider: OAuthServer;
let host: BatondHost;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 600 });
	host = makeBatondHost(provider);
});
afterEach(async () => {
	await stopAllChildren();
	await provider.close();
	host.scratch.remove();
});

const settingsFile = () => join(host.configFolder, "batond.json");
const settings = () => JSON.parse(readFileSync(settingsFile(), "utf8"));
const rewrite = (change: (settings: ReturnType<typeof JSON.parse>) => void) => {
	const changed = settings();
	change(changed);
	writeFileSync(settingsFile(), JSON.stringify(changed));
};
const status = async () => (await host.run("status")).stdout;

describe("unit", () => {
	const ANALYZE = "/usr/bin/systemd-analyze";
	const unitFile = () => host.scratch.at(".config/systemd/user/batond.service");

	test.skipIf(!existsSync(ANALYZE))(
		"with sinks that need nothing more, systemd rates it 2.0 or less, and knows every line",
		async () => {
			const { stdout, code } = await host.run("unit", "--sandbox", "full");
			expect(code).toBe(0);
			expect(stdout).not.toContain("PrivateTmp");
			const file = host.scratch.at("batond.service");
			// The test's own folders lie there, a person's do not.
			writeFileSync(file, stdout.replace("PrivateIPC=yes", "PrivateIPC=yes\nPrivateTmp=yes"));
			const env = { XDG_RUNTIME_DIR: host.scratch.path, PATH: "/usr/bin:/bin", HOME: "/nowhere" };
			const options = ["--user", "security", "--offline=true", "--no-pager"];
			const rated = execFileSync(ANALYZE, [...options, file], { env, stdio: "pipe" }).toString();
			const [, exposure] = /exposure level for batond.service: ([\d.]+)/.exec(rated) ?? [];
			expect(Number(exposure)).toBeGreaterThan(0);
			expect(Number(exposure)).toBeLessThanOrEqual(2);
			const verify = ["--user", "verify", file];
			const said = execFileSync(ANALYZE, verify, { env, stdio: "pipe", encoding: "utf8" });
			expect(said).toBe("");
		},
	);

	test("a sink decides what it may be shut in by, and the unit says why", async () => {
		rewrite(({ names }) => {
			names.default.sinks.own = { type: "env-file", path: "/srv/own.env", mode: "0640" };
		});
		const json = async () => JSON.parse((await host.run("unit", "--json")).stdout);
		// What else is in the way here, no systemd perhaps, comes after it.
		const grouped = await json();
		expect(grouped.sandbox).not.toBe("full");
		expect(grouped.reasons[0]).toContain("the group of sink default.own's file");
		rewrite(({ names }) => {
			names.default.sinks.own = { type: "exec", command: ["/usr/bin/sudo", "true"] };
		});
		const commands = await json();
		expect(commands).toMatchObject({ ok: true, sandbox: "none" });
		expect(commands.text).toContain("# no sandbox: the command of sink default.own");
		expect(commands.text).toMatch(
			/\nExecStart=\S+ \S+batond\.mjs serve --config \S+ --state \S+\n/,
		);
	});

	test("--write puts it where systemd looks, over its own alone, and tells systemd nothing", async () => {
		const { code, stdout, stderr } = await host.run("unit", "--write", "--sandbox", "filters");
		expect([code, stdout]).toEqual([0, `wrote ${unitFile()}, sandbox filters\n`]);
		expect(stderr).toContain("next: systemctl --user daemon-reload");
		expect(readFileSync(unitFile(), "utf8")).toContain("NoNewPrivileges=yes");
		expect((await host.run("unit", "--write", "--sandbox", "none")).code).toBe(0);
		expect(readFileSync(unitFile(), "utf8")).not.toContain("NoNewPrivileges=yes");

		writeFileSync(unitFile(), "[Service]\nExecStart=/mine\n");
		const refused = await host.run("unit", "--write", "--sandbox", "none");
		expect([refused.code, refused.stderr]).toEqual([11, expect.stringContaining("--replace")]);
		expect(readFileSync(unitFile(), "utf8")).toBe("[Service]\nExecStart=/mine\n");
		expect((await host.run("unit", "--write", "--sandbox", "none", "--replace")).code).toBe(0);
		expect(readdirSync(host.scratch.at(".config/systemd/user"))).toEqual(["batond.service"]);
	});
});

describe("the key", () => {
	const keyFile = () => join(host.configFolder, "batond.key");
	const credentials = () => host.scratch.at("credentials");
	const withCredential = () => ({ CREDENTIALS_DIRECTORY: credentials() });

	/** A system that gives the service this key. */
	function give(key: Buffer): void {
		mkdirSync(credentials(), { recursive: true });
		rmSync(join(credentials(), "batond.key"), { force: true });
		writeFileSync(join(credentials(), "batond.key"), key, { mode: 0o400 });
	}

	async function end(service: Child): Promise<void> {
		service.kill("SIGTERM");
		expect(await service.ended()).toEqual({ code: 0, signal: null });
	}

	test("goes from a file to a credential and back, with the login, and is told", async () => {
		let service = await host.serve();
		await handOver(host, await provider.mintLogin());
		expect(await status()).toContain("the key is in a file of its own\n");
		const key = readFileSync(keyFile());
		await end(service);

		give(key);
		service = await host.serve(withCredential());
		expect(await status()).toContain(
			"is a systemd credential, and in a file as well\n  next: remove",
		);
		rmSync(keyFile());
		await end(service);

		service = await host.serve(withCredential());
		expect(await status()).toContain("the key is a systemd credential\n");
		expect((await host.status()).state).toBe("held");
		expect(existsSync(keyFile())).toBe(false);
		await end(service);

		writeFileSync(keyFile(), key, { mode: 0o600 });
		service = await host.serve();
		expect((await host.status()).state).toBe("held");
		await end(service);
	});

	test("that is missing, another, or two at once is refused, and nothing is touched", async () => {
		const service = await host.serve();
		await handOver(host, await provider.mintLogin());
		await end(service);
		const record = join(host.stateFolder, "secrets/custody-default.secret");
		const before = readFileSync(record);
		const key = readFileSync(keyFile());
		const refused = async (env: Record<string, string>, says: RegExp) => {
			const { argv, env: own } = host.optionsOf(["serve"]);
			const { code, stderr } = await runChild({ argv, env: { ...own, ...env } });
			expect([code, stderr]).toEqual([1, expect.stringMatching(says)]);
			expect(stderr).toContain("nothing was touched");
			expect(readFileSync(record)).toEqual(before);
		};
		give(Buffer.alloc(32, 7));
		await refused(withCredential(), /the credential and .*batond\.key are two different keys/);
		rmSync(keyFile());
		await refused(withCredential(), /damaged or of another key/);
		give(Buffer.alloc(31, 7));
		await refused(withCredential(), /is not a key of 32 bytes/);
		await refused({}, /the key of .* is missing/);
		expect(existsSync(keyFile())).toBe(false);
		give(key);
		await host.serve(withCredential());
		expect((await host.status()).state).toBe("held");
	});

	/** Stands in for a systemd that gives a user's services credentials, and its `systemd-creds`. */
	function standIn(creds: string): Record<string, string> {
		const bin = host.scratch.at("bin");
		mkdirSync(bin, { recursive: true });
		const put = (name: string, script: string) => {
			writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
			chmodSync(join(bin, name), 0o755);
		};
		put("systemctl", "echo 'systemd 257 (257.8-1)'");
		put("systemd-creds", creds);
		return { PATH: `${bin}:/usr/bin:/bin` };
	}

	async function seal(env: Record<string, string>) {
		const { argv, env: own } = host.optionsOf(["key", "--seal"]);
		return await runChild({ argv, env: { ...own, ...env } });
	}

	test("is sealed only where it is proved to come out again, and asked for only where that works", async () => {
		const sealed = join(host.configFolder, "batond.key.sealed");
		const service = await host.serve();
		const key = readFileSync(keyFile());
		const well =
			'case "$1" in encrypt) base64;; decrypt) base64 -d | od -An -tx1 | tr -d " \\n";; esac';
		const forgets = 'case "$1" in encrypt) base64;; decrypt) echo 00;; esac';
		for (const [creds, says] of [
			[forgets, "did not give back the key"],
			["echo no TPM here >&2; exit 1", "systemd-creds encrypt failed\nnext: no TPM here"],
		] as const) {
			const { code, stderr } = await seal(standIn(creds));
			expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
			expect(existsSync(sealed)).toBe(false);
		}
		const { code, stdout, stderr } = await seal(standIn(well));
		expect([code, stdout]).toEqual([
			0,
			`key file: ${keyFile()}\nsealed as a systemd credential: ${sealed}\n`,
		]);
		expect(stderr).toContain("next: batond unit --start");
		expect(statSync(sealed).mode & 0o777).toBe(0o600);
		expect(Buffer.from(readFileSync(sealed, "utf8"), "base64")).toEqual(key);
		const unit = await host.run("unit", "--sandbox", "none");
		// Asked for only where a service that does so has started: here no systemd runs.
		expect(unit.stdout).toContain(
			"# not with the sealed key but with the key file, as a try failed",
		);
		expect(unit.stdout).not.toContain("LoadCredentialEncrypted");
		await end(service);
	});

	test("is not sealed where systemd gives a user's services none", async () => {
		const bin = host.scratch.at("bin");
		mkdirSync(bin);
		writeFileSync(join(bin, "systemctl"), "#!/bin/sh\necho 'systemd 252 (252.38)'\n");
		chmodSync(join(bin, "systemctl"), 0o755);
		const { code, stderr } = await seal({ PATH: `${bin}:/usr/bin:/bin` });
		expect([code, stderr]).toEqual([11, expect.stringContaining("this is systemd 252")]);
	});
});

describe("settings", () => {
	test("schema and check agree on what is there", async () => {
		const schema = JSON.parse((await host.run("config", "schema")).stdout);
		expect(schema.properties.refresh.properties.before).toMatchObject({ type: "string" });
		expect(schema.properties.names.additionalProperties.additionalProperties).toBe(false);
		expect(schema.required ?? []).toEqual([]);
		const well = await host.run("config", "check");
		expect([well.code, well.stdout]).toEqual([0, `${settingsFile()} is well: default; 1 sink\n`]);
		rewrite((all) => {
			all.$schema = "./batond.schema.json";
			all.refresh = { befor: "1h" };
		});
		const bad = await host.run("config", "check");
		expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining("did you mean before?")]);
		rmSync(settingsFile());
		const none = await host.run("config", "check");
		const said = `there is no ${settingsFile()}, so all is as by default: default; 0 sinks\n`;
		expect([none.code, none.stdout]).toEqual([0, said]);
	});

	const env = (variable: string) => ({
		type: "env-file",
		path: host.scratch.at("own", "agent.env"),
		variable,
	});
	const envFile = () => readFileSync(host.scratch.at("own", "agent.env"), "utf8");

	test("a reload gives a new sink its token, lets one go, and keeps what is the same", async () => {
		mkdirSync(host.scratch.at("own"), { mode: 0o700 });
		const service = await host.serve();
		await handOver(host, await provider.mintLogin());
		await until("claude has it", () => existsSync(join(host.claudeFolder, ".credentials.json")));
		const { accessToken } = host.sinkFile();
		const before = statSync(join(host.claudeFolder, ".credentials.json")).mtimeMs;

		rewrite(({ names }) => {
			names.default.sinks.own = env("TOKEN");
		});
		service.kill("SIGHUP");
		await service.line(/settings read again/);
		await until("it has the token", () => existsSync(host.scratch.at("own", "agent.env")));
		expect(envFile()).toBe(`TOKEN=${accessToken}\n`);
		expect(statSync(join(host.claudeFolder, ".credentials.json")).mtimeMs).toBe(before);

		rewrite(({ names }) => {
			names.default.sinks = { own: env("OTHER") };
		});
		service.kill("SIGHUP");
		await until("the other variable", () => envFile().includes("OTHER="));
		expect(await status()).not.toContain("sink claude");
		expect(await status()).toContain("sink own: has the newest access token");
		expect((await host.status()).generation).toBe(1);
		expect(service.exit()).toBeUndefined();
	});

	test("bad settings change nothing, and are told until they are well again", async () => {
		const service = await host.serve();
		await handOver(host, await provider.mintLogin());
		rewrite((all) => {
			all.names.default.sinks = { claude: { type: "claude-code", configdir: "/nowhere" } };
		});
		service.kill("SIGHUP");
		await service.line(/the settings stay as they were/);
		const said = await status();
		expect(said).toContain("the settings before still hold, as the new ones are wrong: ");
		expect(said).toContain("  next: did you mean configDir?");
		expect(said).toContain("sink claude: has the newest access token");
		expect(JSON.parse((await host.run("status", "--json")).stdout).settings.trouble).toContain(
			"unknown key names.default.sinks.claude.configdir",
		);
		rewrite((all) => {
			all.names.default.sinks = {};
		});
		service.kill("SIGHUP");
		await service.line(/settings read again/);
		expect(await status()).not.toContain("the settings before");
		expect(await status()).not.toContain("sink claude");
	});

	test("what only a restart can change is said, and is in force after it", async () => {
		let service = await host.serve();
		rewrite((all) => {
			all.timing.requestLimit = "3s";
			all.timing.lookAtSinks = "200ms";
			all.names.work = { sinks: {} };
			all.provider.body = "form";
		});
		service.kill("SIGHUP");
		await service.line(/some settings wait for a restart/);
		expect(await status()).toContain(
			"not in force before a restart: provider, timing.requestLimit, names.work\n",
		);
		service.kill("SIGTERM");
		await service.ended();
		service = await host.serve();
		expect(await status()).not.toContain("restart");
		expect(await status()).toContain("\nwork: ");
	});

	test("a refresh that is under way ends as it began, whatever is changed meanwhile", async () => {
		rewrite((all) => {
			all.timing.requestLimit = "60s";
		});
		let service = await host.serve();
		await provider.inject("token", { kind: "hold", when: "after" });
		const device = await connectDevice(host);
		const fp = await deliver(device, await provider.mintLogin());
		await provider.untilHeld(1, 30_000);
		rewrite((all) => {
			all.engine = "claude-cli";
			all.claude = "/nowhere/claude";
			all.provider = {
				...all.provider,
				tokenUrl: "http://127.0.0.1:9/",
				proxy: "http://127.0.0.1:9",
			};
			all.warnings = { own: { type: "exec", command: ["/bin/true"] } };
		});
		service.kill("SIGHUP");
		const waits = await service.line(/some settings wait for a restart/);
		for (const key of ["engine", "claude", "provider", "warnings"]) expect(waits).toContain(key);
		await provider.release();
		await untilAnswered(device, { type: "custody", fp }, "claimed");
		expect((await host.status()).generation).toBe(1);
		expect(await provider.presentations()).toHaveLength(1);
		expect(await status()).toContain("\nengine http: ");
		device.child.endInput();
		await device.child.ended();

		service.kill("SIGTERM");
		await service.ended();
		service = await host.serve();
		const said = await until("the engine is known", status, (text) => text.includes("\nengine "));
		expect(said).toContain("engine claude-cli cannot refresh: /nowhere/claude is no program");
		expect(said).not.toContain("restart");
		expect((await host.status()).state).toBe("held");
	});
});

describe("a socket's place that is taken", () => {
	test.each([
		["a file", (path: string) => writeFileSync(path, "mine"), "is there and is not a socket"],
		["a folder", (path: string) => mkdirSync(path), "is there and is not a socket"],
	])("by %s: said, left alone, and well once it is moved away", async (_what, take, says) => {
		mkdirSync(host.stateFolder, { mode: 0o700 });
		for (const name of ["control.sock", "device.sock"]) {
			const path = join(host.stateFolder, name);
			take(path);
			const { code, stderr } = await host.run("serve");
			expect([code, stderr]).toEqual([1, expect.stringContaining(`${path} ${says}`)]);
			expect(stderr).toContain("next: move it away");
			expect(existsSync(path)).toBe(true);
			rmSync(path, { recursive: true });
		}
		await host.serve();
	});

	test("by another program's socket: it goes on being that program's", async () => {
		mkdirSync(host.stateFolder, { mode: 0o700 });
		const path = join(host.stateFolder, "control.sock");
		const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
		const other = await startChild({ argv: [process.execPath, "-e", script], env: {} });
		await other.line(/up/);
		const { code, stderr } = await host.run("serve");
		expect([code, stderr]).toEqual([
			1,
			expect.stringContaining("is listened on by another program"),
		]);
		expect(statSync(path).isSocket()).toBe(true);
		other.kill("SIGKILL");
		await other.ended();
		await host.serve();
	});

	test("by a path that is too long: said, with the limit, and nothing is made there", async () => {
		const deep = host.scratch.at("d".repeat(60), "e".repeat(40));
		const options = host.optionsOf(["serve"]);
		const [program, ...words] = options.argv;
		const other = words.map((word) => (word === host.stateFolder ? deep : word));
		const { code, stderr } = await runChild({ ...options, argv: [program, ...other] });
		expect([code, stderr]).toEqual([
			1,
			expect.stringContaining(`${deep}/control.sock is too long for a socket`),
		]);
		expect(stderr).toContain("next: name a state folder with a shorter path: at most 107 bytes");
		expect(readdirSync(deep)).toEqual([]);
	});
});

describe("sockets that are removed while the service runs", () => {
	const SOCKETS = ["control.sock", "device.sock", "instance.sock"];
	const at = (name: string) => join(host.stateFolder, name);
	const removeAll = () => {
		for (const name of SOCKETS) rmSync(at(name));
	};

	test("are there again, for commands and devices, and the login goes on", async () => {
		const service = await host.serve();
		const login = await provider.mintLogin();
		await handOver(host, login);
		removeAll();
		expect(await host.run("status")).toMatchObject({ code: 12 });
		await service.line(/"msg":"a socket of the service was gone; it listens anew"/);
		await until("all are there", () => SOCKETS.every((name) => existsSync(at(name))));
		expect((await host.status()).generation).toBe(1);
		for (const name of SOCKETS.slice(0, 2)) expect(statSync(at(name)).mode & 0o077).toBe(0);
		const device = await connectDevice(host);
		const asked = { type: "custody", fp: fingerprintOf(login.refreshToken) };
		expect(await device.ask(asked)).toMatchObject({ type: "claimed" });
		device.child.endInput();
		await device.child.ended();
		const second = await host.run("serve");
		expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("already serves")]);
		service.kill("SIGTERM");
		expect(await service.ended()).toEqual({ code: 0, signal: null });
		expect(readdirSync(host.stateFolder).filter((name) => name.endsWith(".sock"))).toEqual([]);
	});

	test("with the sign of the service gone a second one refuses before it begins anything", async () => {
		const service = await host.serve();
		await handOver(host, await provider.mintLogin());
		const before = readFileSync(at("audit.jsonl"), "utf8");
		rmSync(at("instance.sock"));
		const { code, stderr } = await host.run("serve");
		expect([code, stderr]).toEqual([
			1,
			expect.stringContaining("control.sock is listened on by another program"),
		]);
		expect(stderr).toContain("it may be another batond");
		expect(readFileSync(at("audit.jsonl"), "utf8")).toBe(before);
		await until("it is claimed anew", () => existsSync(at("instance.sock")));
		expect((await host.run("serve")).stderr).toContain(`process ${service.pid} already serves`);
	});

	test("with a second one started meanwhile the first one leaves, and takes nothing of it along", async () => {
		const first = await host.serve();
		await handOver(host, await provider.mintLogin());
		removeAll();
		const second = await host.serve();
		expect(await first.ended()).toEqual({ code: 1, signal: null });
		await first.line(new RegExp(`error: process ${second.pid} already serves`));
		expect(readdirSync(host.stateFolder)).toEqual(expect.arrayContaining(SOCKETS));
		expect((await host.status()).state).toBe("held");
		expect(await provider.spentTwice()).toEqual([]);
	});

	test("and replaced by somebody's file: said once, the file is kept, and well once it is gone", async () => {
		const service = await host.serve();
		rmSync(at("control.sock"));
		writeFileSync(at("control.sock"), "mine");
		const told = /"hint":"move it away".*"msg":"a socket cannot be had; looking again"/;
		await service.line(told);
		expect(readFileSync(at("control.sock"), "utf8")).toBe("mine");
		rmSync(at("control.sock"));
		await service.line(/it listens anew/);
		expect((await host.run("status")).code).toBe(0);
	});
});

test.each<[what: string, put: (path: string) => void, code: number, says: RegExp]>([
	[
		"a folder",
		(path) => mkdirSync(path),
		1,
		/batond\.json is not a plain file\nnext: name the file/,
	],
	[
		"a pipe",
		(path) => execFileSync("/usr/bin/mkfifo", [path]),
		1,
		/batond\.json is not a plain file\nnext: /,
	],
	["half a file", (path) => writeFileSync(path, '{"names": {'), 2, /batond\.json:1:12 .*\nnext: /],
	[
		"no text",
		(path) => writeFileSync(path, Buffer.of(0xff)),
		2,
		/batond\.json is not UTF-8\nnext: /,
	],
])(
	"settings that are %s stop the start, say the way out, and touch nothing",
	async (_what, put, code, says) => {
		rmSync(settingsFile());
		put(settingsFile());
		const refused = await host.run("serve");
		expect([refused.code, refused.stderr]).toEqual([code, expect.stringMatching(says)]);
		expect(existsSync(host.stateFolder)).toBe(false);
	},
);
