import { execFileSync } from "node:child_process";
import {
	appendFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { blockedFolder } from "./blocked-folder.ts";
import { fileSinkContract } from "./file-sink-contract.ts";
import { accessToken, openSink } from "./open-sink.ts";
import { sinkContract } from "./sink-contract.ts";

const NAME = "CLAUDE_CODE_OAUTH_TOKEN";

/** What a reader makes of a whole file: it ends with a line break. */
function valueIn(text: string): string | undefined {
	if (!text.endsWith("\n")) throw new Error("half a file");
	return new RegExp(`^${NAME}=(.*)$`, "m").exec(text)?.[1];
}

fileSinkContract({
	name: "env-file",
	file: "claude.env",
	settings: (folder) => ({ type: "env-file", path: `${folder}/claude.env` }),
	held: valueIn,
	neighbours: `${"# filler\nA=1\n".repeat(40_000)}`,
	afterRemoval: "changed",
	afterClearing: "CLAUDE_CODE_OAUTH_TOKEN=\n",
	makesFolder: false,
	sharesWithGroup: true,
});

sinkContract({
	name: "env-file",
	async make(scratch) {
		const folder = scratch.at("place");
		const file = scratch.at("place", "claude.env");
		mkdirSync(folder, { mode: 0o700 });
		return {
			sink: await openSink({
				settings: { type: "env-file", path: file },
				memory: scratch.at("sinks.json"),
			}),
			held: () => (existsSync(file) ? valueIn(readFileSync(file, "utf8")) : undefined),
			everything: () => `${readdirSync(folder)} ${readFileSync(file, "utf8")}`,
			...blockedFolder(folder, scratch),
		};
	},
});

describe("an env-file sink", () => {
	let scratch: Scratch;
	let file: string;
	beforeEach(() => {
		scratch = makeScratch();
		file = scratch.at("claude.env");
	});
	afterEach(() => scratch.remove());

	const open = (more: Record<string, unknown> = {}) =>
		openSink({
			settings: { type: "env-file", path: file, ...more },
			memory: scratch.at("sinks.json"),
		});
	const text = () => readFileSync(file, "latin1");

	test("keeps every other byte of the file", async () => {
		const others = Buffer.from("# \u00e4\r\nA='x y'\r\nexport B=\xff\r\n", "latin1");
		writeFileSync(file, Buffer.concat([others, Buffer.from(`export ${NAME}=\r\nC=3`)]));
		await (await open()).write(accessToken("sk-one"));
		expect(text()).toBe(`${others.toString("latin1")}export ${NAME}=sk-one\r\nC=3`);
	});

	test("writes the variable it was told to", async () => {
		await (await open({ variable: "TOKEN" })).write(accessToken("sk-one"));
		expect(text()).toBe("TOKEN=sk-one\n");
	});

	test("two of them get along in one file", async () => {
		const [one, two] = [await open({ variable: "ONE" }), await open({ variable: "TWO" })];
		await one.write(accessToken("sk-one"));
		await two.write(accessToken("sk-two"));
		await one.write(accessToken("sk-three"));
		expect(text()).toBe("ONE=sk-three\nTWO=sk-two\n");
	});

	test("is read by a shell", async () => {
		writeFileSync(file, "A=1");
		await (await open()).write(accessToken("sk-ant-oat01-a_B-9.~+/="));
		const script = `set -a; . "$1"; exec printenv ${NAME}`;
		expect(execFileSync("sh", ["-c", script, "sh", file], { encoding: "utf8" })).toBe(
			"sk-ant-oat01-a_B-9.~+/=\n",
		);
	});

	test("steps back from a value that it never wrote, until that is taken out", async () => {
		const sink = await open();
		writeFileSync(file, `A=1\n${NAME}="theirs"\n`);
		expect(await sink.look?.(undefined)).toBe("not-ours");
		expect(await sink.look?.(accessToken("sk-one"))).toBe("not-ours");
		const outcome = await sink.write(accessToken("sk-one"));
		expect(outcome).toEqual({ kind: "stepped-back", reason: "not-ours" });
		expect(text()).toBe(`A=1\n${NAME}="theirs"\n`);
		writeFileSync(file, `A=1\n${NAME}=""\n`);
		expect(await sink.look?.(accessToken("sk-one"))).toBe("changed");
		await sink.write(accessToken("sk-one"));
		expect(text()).toBe(`A=1\n${NAME}=sk-one\n`);
	});

	test("writes over such a value where it may", async () => {
		writeFileSync(file, `${NAME}=theirs\n`);
		const sink = await open({ overwrite: true });
		expect(await sink.look?.(accessToken("sk-one"))).toBe("changed");
		await sink.write(accessToken("sk-one"));
		expect(text()).toBe(`${NAME}=sk-one\n`);
	});

	test("takes a value that is the token already for its own", async () => {
		writeFileSync(file, `${NAME}=sk-one\n`);
		const sink = await open();
		expect(await sink.look?.(accessToken("sk-one"))).toBe("fine");
		await sink.write(accessToken("sk-one"));
		await sink.write(accessToken("sk-two"));
		expect(text()).toBe(`${NAME}=sk-two\n`);
	});

	test("what it has written once is its own, also after a restart", async () => {
		await (await open()).write(accessToken("sk-one"));
		writeFileSync(file, `${NAME}=other\n`);
		expect(await (await open()).look?.(accessToken("sk-one"))).toBe("changed");
		await (await open()).write(accessToken("sk-one"));
		expect(text()).toBe(`${NAME}=sk-one\n`);
	});

	test("is killed after it made up its mind: what it wrote is not taken for somebody's", async () => {
		const noted: string[] = [];
		const sink = await openSink({
			settings: { type: "env-file", path: file },
			memory: {
				hasWritten: () => false,
				async noteWritten(place) {
					expect(existsSync(file)).toBe(false);
					noted.push(place);
				},
				forget: async () => {},
			},
		});
		await sink.write(accessToken("sk-one"));
		expect(noted).toEqual([`${file}#${NAME}`]);
	});

	test("loses nothing that somebody saves while it writes", async () => {
		writeFileSync(file, "A=1\n");
		let edit = () => appendFileSync(file, "B=2\n");
		const sink = await openSink({
			settings: { type: "env-file", path: file },
			memory: {
				hasWritten: () => true,
				noteWritten: async () => edit(),
				forget: async () => {},
			},
		});
		await expect(sink.write(accessToken("sk-one"))).rejects.toThrow(/changed by somebody else/);
		expect(text()).toBe("A=1\nB=2\n");
		expect(readdirSync(scratch.path)).toEqual(["claude.env"]);
		edit = () => undefined;
		await sink.write(accessToken("sk-one"));
		expect(text()).toBe(`A=1\nB=2\n${NAME}=sk-one\n`);
	});

	test("loses the value in each of its lines, and not a byte more, when it is cleared", async () => {
		const others = "# \u00e4\r\nA='x y'\r\nexport B=\xff\r\n";
		writeFileSync(file, `${others}export ${NAME}=\r\nC=3\n${NAME}=""`, "latin1");
		const sink = await open();
		await sink.write(accessToken("sk-one"));
		expect(await sink.clear?.()).toBe("cleared");
		expect(text()).toBe(`${others}export ${NAME}=\r\nC=3\n${NAME}=`);
		// What is put there from now on is somebody's.
		writeFileSync(file, `${NAME}=theirs\n`);
		expect(await sink.look?.(undefined)).toBe("not-ours");
		expect(await sink.clear?.()).toBe("nothing");
		expect(text()).toBe(`${NAME}=theirs\n`);
	});

	test("that is gone holds nothing, and is not made to be cleared", async () => {
		const sink = await open();
		await sink.write(accessToken("sk-one"));
		rmSync(file);
		expect(await sink.clear?.()).toBe("nothing");
		expect(existsSync(file)).toBe(false);
	});

	test.each<[string, string, string]>([
		["a token that would need quotes", "A=1\n", 'sk "; id'],
		["a value over several lines", `${NAME}="a\nb"\n`, "sk-one"],
		["a file that is no text", "A=\0", "sk-one"],
	])("refuses %s and leaves the file as it is", async (_what, before, token) => {
		writeFileSync(file, before);
		const sink = await open({ overwrite: true });
		const refused = await sink.write(accessToken(token)).catch((error: unknown) => error);
		expect(refused).toMatchObject({ code: "bad-credentials" });
		expect(String(refused)).not.toContain(token);
		expect(text()).toBe(before);
		if (token === "sk-one") await expect(sink.prove()).rejects.toThrow(/cannot be changed safely/);
	});
});
