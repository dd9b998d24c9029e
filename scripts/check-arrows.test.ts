import { describe, expect, test } from "vitest";
import { arrowViolations } from "./arrows.ts";
import { coreEffects } from "./core-effects.ts";

const CORE = "packages/core/src/some.ts";

function arrows(path: string, text: string) {
	return arrowViolations({ path, text }).map(({ reason }) => reason);
}

function effects(text: string) {
	return coreEffects({ path: CORE, text }).map(({ reason }) => reason);
}

describe("imports that go against an arrow", () => {
	test.each([
		["packages/core/src/a.ts", `import { readState } from "@baton/io/state-file";`, "io"],
		["packages/core/src/a.ts", `export * from "@baton/io/clock";`, "io"],
		["packages/core/src/a.ts", `type Clock = import("@baton/io/clock").Clock;`, "io"],
		["packages/io/src/a.ts", `const { watch } = await import("claude-baton");`, "pc"],
		["packages/io/src/a.ts", `import batond = require("batond");`, "vps"],
		["packages/pc/src/a.ts", `import type { Sink } from "../../vps/src/sink.ts";`, "vps"],
		["packages/vps/src/sinks/a.ts", `import "../../../pc/src/watch.ts";`, "pc"],
		["packages/vps/src/a.ts", `import { sim } from "../../../test/sim/sim.ts";`, "test"],
		["test/sim/a.ts", `import { run } from "../../scripts/run.ts";`, "scripts"],
	])("%s: %s", (path, text, target) => {
		expect(arrows(path, text)).toEqual([expect.stringMatching(`may not import ${target}$`)]);
	});

	test("a package is not entered by the back door", () => {
		expect(arrows("packages/io/src/a.ts", `import "../../core/src/error.ts";`)).toEqual([
			"../../core/src/error.ts leaves the package: use its name",
		]);
	});

	test("a package without a place", () => {
		expect(arrows("packages/extra/src/a.ts", `import "@baton/core/error";`)).toEqual([
			"extra has no place among the arrows",
		]);
	});

	test.each([
		["packages/io/src/a.ts", `import { BatonError } from "@baton/core/error";`],
		["packages/vps/src/a.ts", `import { EXIT } from "@baton/core/error"; import "./b.ts";`],
		["packages/vps/src/sinks/a.ts", `import "../status.ts"; import "node:fs"; import "yargs";`],
		["test/e2e/a.test.ts", `import "../../packages/pc/src/watch.ts"; import "@baton/core/error";`],
		["scripts/a.ts", `import "../test/sim/sim.ts"; import "typescript";`],
		["packages/core/src/a.ts", `// import "@baton/io/clock";\nconst text = 'import "node:fs"';`],
	])("%s may: %s", (path, text) => {
		expect(arrows(path, text)).toEqual([]);
	});
});

describe("what the core imports from outside", () => {
	test.each([
		[`import { readFileSync } from "node:fs";`, "node:fs"],
		[`import type { Readable } from "stream";`, "stream"],
		[`const fs = require("fs");`, "fs"],
		[`await import("node:crypto");`, "node:crypto"],
		[`import yargs from "yargs/yargs";`, "yargs/yargs"],
		[`import { expect } from "vitest";`, "vitest"],
	])("not %s", (text, target) => {
		expect(arrows(CORE, text)).toEqual([`core may not import ${target}`]);
	});

	test("nothing whose name is only known when it runs", () => {
		expect(arrows(CORE, "const load = (name: string) => import(name);")).toHaveLength(1);
	});

	test("schemas and hashes", () => {
		expect(arrows(CORE, `import * as z from "zod/mini"; import "@noble/hashes/sha2.js";`)).toEqual(
			[],
		);
	});

	test("a test may also import what runs it, and no more", () => {
		const path = "packages/core/src/some.test.ts";
		expect(arrows(path, `import "vitest"; import "fast-check"; import "./some.ts";`)).toEqual([]);
		expect(arrows(path, `import "node:fs";`)).toEqual(["core may not import node:fs"]);
	});
});

describe("effects in the core", () => {
	test.each([
		["const now = Date.now();", "the clock"],
		["const now = new Date();", "the clock"],
		["const now = new Date;", "the clock"],
		["const now = Date();", "the clock"],
		["const clock = Date;", "the clock"],
		["const { now } = Date;", "the clock"],
		[`const now = Date["now"]();`, "the clock"],
		["const at = performance.now();", "the global performance"],
		["const part = Math.random();", "chance"],
		[`const part = Math["random"]();`, "chance"],
		["const { random } = Math;", "chance"],
		["const id = crypto.randomUUID();", "the global crypto"],
		["const path = process.env.HOME;", "the global process"],
		["const effects = { fetch };", "the global fetch"],
		["setTimeout(() => {}, 10);", "the global setTimeout"],
		["console.log(1);", "the global console"],
		["globalThis.setTimeout;", "the global globalThis"],
		["declare const fetch: () => void;", "the global fetch"],
		["function ask(fetch: () => void) { fetch(); }\nfetch();", "the global fetch"],
		["const here = import.meta.url;", "import.meta"],
	])("not %s", (text, effect) => {
		expect(effects(text)).toEqual([`core may not use ${effect}`]);
	});

	test("not the chance that an allowed package offers", () => {
		expect(
			effects(`import * as utils from "@noble/hashes/utils.js"; utils.randomBytes(8);`),
		).toEqual(["core may not use randomBytes"]);
	});

	test.each([
		"// Date.now() and Math.random() are for the edge",
		"const text = `process.env`;",
		"const at = new Date(0).toISOString(); const then = Date.parse(at); Date.UTC(2026, 0);",
		"const least = Math.min(1, Math.floor(2.5));",
		"type Ask = typeof fetch; interface Clock { now(): Date; setTimeout: number }",
		"export function decide(state: { process: number }, now: number) { return state.process + now; }",
		"const ask = (fetch: () => void) => fetch();",
		"import { crypto } from './crypto.ts'; crypto.length;",
		"const { process: pid } = { process: 1 }; pid;",
		"class Bad extends Error { fetch() { return this.fetch; } }",
		`import vectors from "./vectors.json" with { type: "json" }; vectors;`,
	])("none in: %s", (text) => {
		expect(effects(text)).toEqual([]);
	});

	test("each is told with its line", () => {
		expect(coreEffects({ path: CORE, text: "const a = 1;\nconst b = Date.now();\n" })).toEqual([
			{ path: CORE, line: 2, reason: "core may not use the clock" },
		]);
	});
});
