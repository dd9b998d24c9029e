import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { blockedFolder } from "./blocked-folder.ts";
import { fileSinkContract } from "./file-sink-contract.ts";
import { accessToken, openSink } from "./open-sink.ts";
import { sinkContract } from "./sink-contract.ts";

/** Long, so that a write takes a while, and with an end by which a whole one is known. */
const LONG = `{"token":{{accessToken|json}},"filler":"${"x".repeat(60_000)}"}\n`;

fileSinkContract({
	name: "template",
	file: "claude.json",
	settings: (folder) => ({ type: "template", path: `${folder}/claude.json`, template: LONG }),
	held: (text) => JSON.parse(text).token,
	afterRemoval: "changed",
	afterClearing: undefined,
	makesFolder: false,
	sharesWithGroup: true,
});

sinkContract({
	name: "template",
	async make(scratch) {
		const folder = scratch.at("place");
		const file = scratch.at("place", "token");
		mkdirSync(folder, { mode: 0o700 });
		return {
			sink: await openSink({
				settings: { type: "template", path: file, template: "{{accessToken}}" },
				memory: scratch.at("sinks.json"),
			}),
			held: () => (existsSync(file) ? readFileSync(file, "utf8") : undefined),
			everything: () => `${readdirSync(folder)} ${readFileSync(file, "utf8")}`,
			...blockedFolder(folder, scratch),
		};
	},
});

describe("a template sink", () => {
	let scratch: Scratch;
	let file: string;
	beforeEach(() => {
		scratch = makeScratch();
		file = scratch.at("out");
	});
	afterEach(() => scratch.remove());

	const open = (template: string, more: Record<string, unknown> = {}) =>
		openSink({
			settings: { type: "template", path: file, template, ...more },
			memory: scratch.at("sinks.json"),
		});
	const text = () => readFileSync(file, "utf8");

	test("says what it was asked to, in the file's own encoding", async () => {
		const sink = await open(
			"\u00e4\u{1f600} {{name}} {{generation}}\r\n{{accessToken}} {{expiresAt}}",
		);
		await sink.write(accessToken("sk-one", 7));
		expect(text()).toBe("\u00e4\u{1f600} default 7\r\nsk-one 1900000000000");
		expect(await sink.look?.(accessToken("sk-one", 7))).toBe("fine");
	});

	test("steps back from a file that it never wrote, until that is gone", async () => {
		const sink = await open("{{accessToken}}");
		writeFileSync(file, "theirs");
		expect(await sink.look?.(undefined)).toBe("not-ours");
		expect(await sink.look?.(accessToken("sk-one"))).toBe("not-ours");
		const outcome = await sink.write(accessToken("sk-one"));
		expect(outcome).toEqual({ kind: "stepped-back", reason: "not-ours" });
		expect(text()).toBe("theirs");
		rmSync(file);
		expect(await sink.look?.(accessToken("sk-one"))).toBe("changed");
		await sink.write(accessToken("sk-one"));
		expect(text()).toBe("sk-one");
	});

	test("writes over such a file where it may", async () => {
		writeFileSync(file, "theirs");
		const sink = await open("{{accessToken}}", { overwrite: true });
		await sink.write(accessToken("sk-one"));
		expect(text()).toBe("sk-one");
	});

	test("what it has written once is its own, also after a restart and with another template", async () => {
		await (await open("{{accessToken}}")).write(accessToken("sk-one"));
		writeFileSync(file, "somebody's");
		const sink = await open("TOKEN {{accessToken}}");
		expect(await sink.look?.(accessToken("sk-one"))).toBe("changed");
		await sink.write(accessToken("sk-one"));
		expect(text()).toBe("TOKEN sk-one");
	});

	test("does not write a token that is no plain text", async () => {
		const sink = await open("{{accessToken}}");
		await expect(sink.write(accessToken("sk one\n"))).rejects.toThrow(/not plain text/);
		expect(existsSync(file)).toBe(false);
	});
});
