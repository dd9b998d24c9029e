/** What the commands take that look after a login in custody: `refresh`, `revoke`, `sinks`, `metrics`, `doctor`, `test`. */

import { homedir } from "node:os";
import { DEFAULT_NAME } from "@baton/core/custody-name";
import { systemClock } from "@baton/io/clock";
import type { Argv } from "yargs";
import type { Choose, CliSurroundings, Given } from "./cli.ts";
import { placesOf } from "./surroundings.ts";

export function declareRefresh(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"refresh",
		"have a login refreshed now and wait for it; exit code 11 if the service declines, " +
			"13 if the provider is out of reach",
		(options) =>
			askingOptions(options)
				.option("force", {
					type: "boolean",
					describe: "also in the first quarter of its token's life; asks first",
				})
				.example("$0 refresh", "never needed: the service does it by itself, in time")
				.example("$0 refresh --force", "once, after a question"),
		choose(async (given) => {
			const { refresh } = await import("./refresh-command.ts");
			return await refresh({ ...askingOf(given, surroundings), force: given.force === true });
		}),
	);
}

export function declareRevoke(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"revoke",
		"end a login for good: refresh it no more, log it out at the provider, clear its sinks; " +
			"exit code 13 while the provider is out of reach",
		(options) =>
			askingOptions(options).example("$0 revoke", "asks first; run again, it does what was left"),
		choose(async (given) => {
			const { revoke } = await import("./revoke-command.ts");
			return await revoke(askingOf(given, surroundings));
		}),
	);
}

export function declareSinks(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"sinks",
		"say what each sink is, what it holds and how far it lags; changes nothing",
		(options) =>
			options
				.option("name", { type: "string", requiresArg: true, describe: "only of this name" })
				.option("json", { type: "boolean", describe: "one JSON object; holds no token" })
				.example("$0 sinks", "why one is paused, and what to do about it"),
		choose(async (given) => {
			const { sinks } = await import("./sinks-command.ts");
			const { loadSettings } = await import("./load-settings.ts");
			const places = placesOf(given, environment);
			const name = given.name === undefined ? undefined : String(given.name);
			const settings = await loadSettings(places.settings);
			const json = given.json === true;
			return await sinks({ stateFolder: places.state, name, settings, json, clock: systemClock });
		}),
	);
}

export function declareDoctor(
	parser: Argv,
	{ environment }: CliSurroundings,
	choose: Choose,
): void {
	parser.command(
		"doctor",
		"look for what stands in a login's way, worst first; changes nothing and spends nothing; " +
			"exit code 1 if something is wrong, 12 if the service is down",
		(options) =>
			options
				.option("json", { type: "boolean", describe: "one JSON object; holds no token" })
				.example("$0 doctor", "also while the service is down"),
		choose(async (given) => {
			const { doctor } = await import("./doctor-command.ts");
			const places = placesOf(given, environment);
			const uid = process.getuid?.() ?? 0;
			const json = given.json === true;
			return await doctor({ places, environment, home: homedir(), uid, json, clock: systemClock });
		}),
	);
}

export function declareTest(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"test",
		"make one real request for each consumer that can make one cheaply; exit code 1 if one " +
			"fails, 13 if the provider does not say",
		(options) =>
			options
				.option("name", { type: "string", requiresArg: true, describe: "only of this name" })
				.option("claude", {
					type: "boolean",
					describe: "also have the claude of each sink answer a prompt, which counts as use",
				})
				.option("warnings", {
					type: "boolean",
					describe: "instead: send a test message by each outlet for warnings",
				})
				.option("json", { type: "boolean", describe: "one JSON object; holds no token" })
				.example("$0 test", "asks the provider whose token lies at each sink; spends nothing"),
		choose(async (given) => {
			const { test } = await import("./test-command.ts");
			const places = placesOf(given, environment);
			const name = given.name === undefined ? undefined : String(given.name);
			const [claude, warnings, json] = [given.claude, given.warnings, given.json].map(
				(one) => one === true,
			) as [boolean, boolean, boolean];
			const home = homedir();
			const clock = systemClock;
			return await test({ places, name, claude, warnings, json, environment, home, clock });
		}),
	);
}

export function declareMetrics(
	parser: Argv,
	{ environment }: CliSurroundings,
	choose: Choose,
): void {
	parser.command(
		"metrics",
		"print the service's figures in Prometheus' text format; changes nothing, holds no token",
		(options) =>
			options
				.option("json", { type: "boolean", describe: "one JSON object, by the metrics' names" })
				.example("$0 metrics", "also on 127.0.0.1, with metrics.port in the settings"),
		choose(async (given) => {
			const { metrics } = await import("./metrics-command.ts");
			const { state: stateFolder } = placesOf(given, environment);
			return await metrics({ stateFolder, json: given.json === true, clock: systemClock });
		}),
	);
}

function askingOptions(options: Argv): Argv {
	return options
		.option("name", {
			type: "string",
			default: DEFAULT_NAME,
			requiresArg: true,
			describe: "whose login",
		})
		.option("yes", { type: "boolean", describe: "do not ask first" })
		.option("json", { type: "boolean", describe: "one JSON object" });
}

function askingOf(given: Given, surroundings: CliSurroundings) {
	const { state: stateFolder } = placesOf(given, surroundings.environment);
	return {
		stateFolder,
		name: String(given.name),
		json: given.json === true,
		asking: { ...surroundings, yes: given.yes === true },
		clock: systemClock,
	};
}
