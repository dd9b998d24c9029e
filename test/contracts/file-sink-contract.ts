/**
 * What every sink that keeps a file owes the consumer who reads it and whoever else is on the machine:
 * the file is whole at every instant, its owner's alone, seen to change, and never led elsewhere; and
 * what stands in the way of a write is known before anything is spent.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
	chmodSync,
	chownSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sink } from "../../packages/vps/src/sinks/sink.ts";
import { type Mount, mountsMissing, startWithMounts } from "../parts/mount-namespace.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { accessToken, openSink } from "./open-sink.ts";
import type { SinkSteps, StepOutcome } from "./sink-steps.ts";

export interface FileSinkSubject {
	name: string;
	/** The file's name in its folder. */
	file: string;
	/** The sink's entry in `batond.json`, to keep that file there. */
	settings(folder: string): Record<string, unknown>;
	/** The access token a consumer reads. Throws for half a file. */
	held(text: string): string | undefined;
	/** What lies there before, if the sink keeps what others wrote: the more, the longer a write takes. */
	neighbours?: string;
	/** What a look says after the file was removed. */
	afterRemoval: "changed" | "logged-out";
	/** What is left of a file that held a token and nothing else, once it is cleared; undefined for none. */
	afterClearing: string | undefined;
	/** Makes a missing folder itself. */
	makesFolder: boolean;
	/** Its mode can be chosen; given to the group, the file keeps its group. */
	sharesWithGroup: boolean;
}

const isRoot = process.getuid?.() === 0;
const STRANGER = 12345;
const MAIN = fileURLToPath(new URL("./sink-steps-main.ts", import.meta.url));

export function fileSinkContract(subject: FileSinkSubject): void {
	describe(`sink ${subject.name}, its file`, () => {
		let scratch: Scratch;
		let folder: string;
		let file: string;
		let sink: Sink;

		beforeEach(async () => {
			scratch = makeScratch();
			folder = scratch.at("place");
			file = join(folder, subject.file);
			mkdirSync(folder, { mode: 0o700 });
			sink = await open();
		});
		afterEach(() => scratch.remove());

		const open = (more: Record<string, unknown> = {}) =>
			openSink({
				settings: { ...subject.settings(folder), ...more },
				memory: scratch.at("sinks.json"),
			});
		const text = () => readFileSync(file, "utf8");
		const held = () => subject.held(text());
		const write = (token: string) => sink.write(accessToken(token));

		/** All that a consumer, or a watcher of the folder's content, could see. */
		function shown() {
			const { mode, uid, gid, ino, mtimeMs } = lstatSync(file);
			return { text: text(), mode, uid, gid, ino, mtimeMs, names: readdirSync(folder) };
		}

		test("is whole whenever it is read", async () => {
			if (subject.neighbours !== undefined)
				writeFileSync(file, subject.neighbours, { mode: 0o600 });
			await write("sk-0");
			const tokens = new Set(["sk-0"]);
			const seen = new Set<string | undefined>();
			let halves = 0;
			let reads = 0;
			let writing = true;
			const reader = (async () => {
				while (writing) {
					try {
						seen.add(held());
					} catch {
						halves += 1;
					}
					reads += 1;
					await setImmediate();
				}
			})();
			for (let n = 1; n <= 30; n += 1) {
				tokens.add(`sk-${n}`);
				await write(`sk-${n}`);
			}
			writing = false;
			await reader;
			expect(halves).toBe(0);
			expect([...seen].filter((token) => token === undefined || !tokens.has(token))).toEqual([]);
			expect(seen.size).toBeGreaterThan(1);
			expect(reads).toBeGreaterThan(30);
		});

		test("has its mode and its owner after each write, whatever it had before", async () => {
			for (const [token, before] of [
				["sk-one", 0o600],
				["sk-two", 0o644],
				["sk-two", 0o666],
				["sk-three", 0o400],
			] as const) {
				if (existsSync(file)) chmodSync(file, before);
				await write(token);
				expect(statSync(file).mode & 0o7777).toBe(0o600);
				expect(statSync(file).uid).toBe(process.getuid?.());
			}
		});

		test("changes its time with each token, however fast they come", async () => {
			let before = 0;
			for (let n = 0; n < 25; n += 1) {
				await write(`sk-${n}`);
				const now = Math.floor(statSync(file).mtimeMs);
				expect(now).toBeGreaterThan(before);
				before = now;
			}
		});

		test("changes its time to a later one also after the clock was set back", async () => {
			await write("sk-one");
			const before = new Date(Date.now() + 3 * 60 * 60 * 1000);
			utimesSync(file, before, before);
			await write("sk-two");
			expect(Math.floor(statSync(file).mtimeMs)).toBeGreaterThan(before.getTime());
		});

		test("is alone when it is written, also after a write that was killed", async () => {
			const left = join(folder, `.${subject.file}.0123456789abcdef.tmp`);
			writeFileSync(left, "sk-killed");
			await write("sk-one");
			expect(readdirSync(folder)).toEqual([subject.file]);
			expect(readdirSync(scratch.path).sort()).toEqual(["place", "sinks.json"]);
		});

		test("is fine to look at, which changes nothing", async () => {
			await write("sk-one");
			const before = shown();
			expect(await sink.look?.(accessToken("sk-one"))).toBe("fine");
			expect(await sink.look?.(accessToken("sk-two"))).toBe("changed");
			expect(await sink.look?.(undefined)).not.toMatch(/foreign|logged-out|not-ours|unreadable/);
			expect(shown()).toEqual(before);
		});

		test("is seen to hold an older token again, and given the newest", async () => {
			await write("sk-one");
			const stale = text();
			await write("sk-two");
			writeFileSync(file, stale);
			expect(await sink.look?.(accessToken("sk-two"))).toBe("changed");
			await write("sk-two");
			expect(held()).toBe("sk-two");
		});

		test(`is seen to be ${subject.afterRemoval} when it is gone, also after a restart`, async () => {
			await write("sk-one");
			rmSync(file);
			expect(await sink.look?.(accessToken("sk-one"))).toBe(subject.afterRemoval);
			expect(await (await open()).look?.(accessToken("sk-one"))).toBe(subject.afterRemoval);
		});

		test("is cleared of what is ours, also of what a killed write left, and once only", async () => {
			await write("sk-one");
			const left = join(folder, `.${subject.file}.0123456789abcdef.tmp`);
			writeFileSync(left, "sk-killed");
			expect(await sink.clear?.()).toBe("cleared");
			expect(existsSync(file) ? text() : undefined).toBe(subject.afterClearing);
			expect(existsSync(left)).toBe(false);
			if (existsSync(file)) expect(statSync(file).mode & 0o7777).toBe(0o600);
			for (const one of [sink, await open()]) expect(await one.clear?.()).toBe("nothing");
			await write("sk-two");
			expect(held()).toBe("sk-two");
		});

		test("that was never written is not touched by a clearing", async () => {
			expect(await sink.clear?.()).toBe("nothing");
			expect(readdirSync(folder)).toEqual([]);
			if (subject.neighbours === undefined) return;
			writeFileSync(file, subject.neighbours, { mode: 0o600 });
			const before = shown();
			expect(await sink.clear?.()).toBe("nothing");
			expect(shown()).toEqual(before);
		});

		test("changes its time to a later one when it is cleared, and keeps what is others'", async () => {
			if (subject.neighbours === undefined) return;
			writeFileSync(file, subject.neighbours, { mode: 0o600 });
			await write("sk-one");
			const before = new Date(Date.now() + 3 * 60 * 60 * 1000);
			utimesSync(file, before, before);
			expect(await sink.clear?.()).toBe("cleared");
			expect(Math.floor(statSync(file).mtimeMs)).toBeGreaterThan(before.getTime());
			expect(text()).toContain(subject.neighbours.slice(1, -1));
			expect(text()).not.toContain("sk-one");
		});

		test("is proved without a trace", async () => {
			await sink.prove();
			expect(readdirSync(folder)).toEqual([]);
			await write("sk-one");
			const before = shown();
			await sink.prove();
			expect(shown()).toEqual(before);
		});

		test("can be proved and written at the same time", async () => {
			const proofs = Array.from({ length: 10 }, () => sink.prove());
			for (let n = 0; n < 5; n += 1) await write(`sk-${n}`);
			await Promise.all(proofs);
			expect(readdirSync(folder)).toEqual([subject.file]);
		});

		test("in a folder that is missing is made, or refused beforehand", async () => {
			rmSync(folder, { recursive: true });
			if (subject.makesFolder) {
				await write("sk-one");
				expect(held()).toBe("sk-one");
				expect(statSync(folder).mode & 0o777).toBe(0o700);
				return;
			}
			await expect(sink.prove()).rejects.toThrow(/does not exist/);
			await expect(write("sk-one")).rejects.toThrow(/does not exist/);
			expect(existsSync(folder)).toBe(false);
		});

		/** Holds for what is refused: beforehand, in so many words, and with nothing changed. */
		async function expectRefused(why: RegExp) {
			for (const step of [() => sink.prove(), () => write("sk-secret")]) {
				const error = await step().then(
					() => undefined,
					(reason: unknown) => reason,
				);
				expect(error).toMatchObject({ name: "BatonError", message: expect.stringMatching(why) });
				expect(`${error} ${JSON.stringify(error)}`).not.toContain("sk-secret");
			}
			// It ends with 1 where nothing is found, and never looks into a pipe.
			const grep = ["-rls", "-D", "skip", "sk-secret", scratch.path];
			expect(spawnSync("grep", grep, { encoding: "utf8" })).toMatchObject({
				status: 1,
				stdout: "",
			});
		}

		const refusals: [string, () => void, RegExp, boolean?][] = [
			[
				"that is a symbolic link",
				() => {
					writeFileSync(scratch.at("target"), subject.neighbours ?? "");
					symlinkSync(scratch.at("target"), file);
				},
				/symbolic link|not a plain file/,
			],
			[
				"in a folder that is a symbolic link",
				() => {
					renameSync(folder, scratch.at("real"));
					symlinkSync(scratch.at("real"), folder);
				},
				/not a folder/,
			],
			["that is a folder", () => mkdirSync(file), /not a plain file|is a folder/],
			["that is a pipe", () => execFileSync("/usr/bin/mkfifo", [file]), /not a plain file/],
			["in a folder its group may write in", () => chmodSync(folder, 0o770), /other users/],
			["in a folder everybody may write in", () => chmodSync(folder, 0o707), /other users/],
			["that is huge", () => writeFileSync(file, " ".repeat(1024 * 1024 + 1)), /larger than/],
			[
				"that is somebody else's",
				() => {
					writeFileSync(file, subject.neighbours ?? "", { mode: 0o644 });
					chownSync(file, STRANGER, STRANGER);
				},
				/belongs to another user/,
				true,
			],
			[
				"in somebody else's folder",
				() => chownSync(folder, STRANGER, STRANGER),
				/belongs to another user/,
				true,
			],
		];
		for (const [what, prepare, why, needsRoot = false] of refusals) {
			const title = `${what} is refused${needsRoot && !isRoot ? " (skips: needs root)" : ""}`;
			test.skipIf(needsRoot && !isRoot)(title, async () => {
				prepare();
				const before = readdirSync(scratch.path);
				await expectRefused(why);
				expect(readdirSync(scratch.path).filter((name) => name !== "sinks.json")).toEqual(before);
			});
		}

		if (subject.sharesWithGroup) {
			test("has the mode it was given", async () => {
				sink = await open({ mode: "0640" });
				await write("sk-one");
				expect(statSync(file).mode & 0o7777).toBe(0o640);
			});

			test.skipIf(!isRoot)(
				`keeps its group where the group may read${isRoot ? "" : " (skips: needs root)"}`,
				async () => {
					sink = await open({ mode: "0640" });
					await write("sk-one");
					chownSync(file, 0, STRANGER);
					await sink.prove();
					await write("sk-two");
					expect(statSync(file).gid).toBe(STRANGER);
					expect(statSync(file).mode & 0o7777).toBe(0o640);
				},
			);
		}

		const missing = mountsMissing();
		const skips = missing === undefined ? "" : ` (skips: ${missing})`;
		describe.skipIf(missing !== undefined)(`on mounts of its own${skips}`, () => {
			async function steps(
				mounts: readonly Mount[],
				...wanted: SinkSteps["steps"]
			): Promise<StepOutcome[]> {
				const given: SinkSteps = {
					settings: subject.settings(folder),
					memory: scratch.at("sinks.json"),
					folder,
					file,
					steps: wanted,
				};
				const argv = [process.execPath, "--import", "tsx", MAIN, JSON.stringify(given)];
				const child = await startWithMounts(mounts, argv);
				const { code } = await child.ended(50_000);
				if (code !== 0) throw new Error(child.stderr());
				return JSON.parse(child.stdout()) as StepOutcome[];
			}

			const failed = (message: RegExp, hint: RegExp) => ({
				failed: {
					code: expect.any(String),
					message: expect.stringMatching(message),
					hint: expect.stringMatching(hint),
				},
			});

			test("mounted by itself it is refused beforehand, and the way out is named", async () => {
				await write("sk-one");
				const outside = scratch.at("outside");
				writeFileSync(outside, text(), { mode: 0o600 });
				const before = shown();
				const refused = failed(/mounted by itself/, /mount the folder it lies in/);
				const taken = await steps(
					[{ bind: outside, at: file }],
					"look",
					"prove",
					"write sk-secret",
					"read",
				);
				expect(taken).toEqual([{ value: "fine" }, refused, refused, { value: before.text }]);
				expect(readFileSync(outside, "utf8")).toBe(before.text);
				expect(shown()).toEqual(before);
				await write("sk-two");
				expect(held()).toBe("sk-two");
			}, 60_000);

			test("in a folder that is read-only it is refused beforehand", async () => {
				await write("sk-one");
				const before = shown();
				const refused = failed(/read-only/, /mount it writable/);
				const taken = await steps(
					[{ readOnly: folder }],
					"look",
					"prove",
					"write sk-secret",
					"read",
				);
				expect(taken).toEqual([{ value: "fine" }, refused, refused, { value: before.text }]);
				expect(shown()).toEqual(before);
				await sink.prove();
				await write("sk-two");
				expect(held()).toBe("sk-two");
			}, 60_000);

			test("on a full disk it is refused beforehand, and written once there is room", async () => {
				const full = failed(/disk is full/, /free some space/);
				const taken = await steps(
					[{ small: folder, bytes: 1024 * 1024 }],
					"prove",
					"write sk-one",
					"read",
					"fill",
					"prove",
					"write sk-secret",
					"read",
					"free",
					"prove",
					"write sk-two",
					"read",
				);
				const written = { value: { kind: "written" } };
				const one = taken[2];
				expect(taken).toMatchObject([
					{ value: null },
					written,
					{ value: expect.any(String) },
					{ value: null },
					full,
					full,
					one,
					{ value: null },
					{ value: null },
					written,
					{ value: expect.any(String) },
				]);
				const texts = [taken[6], taken[10]].map((outcome) =>
					outcome !== undefined && "value" in outcome ? String(outcome.value) : "",
				);
				expect(texts.map(subject.held)).toEqual(["sk-one", "sk-two"]);
				expect(readdirSync(folder)).toEqual([]);
			}, 60_000);
		});
	});
}
