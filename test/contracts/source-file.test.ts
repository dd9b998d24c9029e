import { chmod, mkdir, readFile, rmdir, stat, symlink, writeFile } from "node:fs/promises";
import { systemClock } from "@baton/io/clock";
import { afterAll, describe, expect, test } from "vitest";
import { fileSource } from "../../packages/pc/src/sources/file-source.ts";
import { makeScratch, removeAllScratch, type Scratch } from "../parts/scratch.ts";
import { type SourceUnderTest, sourceContract } from "./source-contract.ts";

type DisarmBy = Parameters<typeof fileSource>[0]["disarmBy"];

const SIBLINGS = { mcpOAuth: { server: "kept" }, pluginSecrets: { a: "b" } };

afterAll(removeAllScratch);

function fileOf(scratch: Scratch): string {
	return scratch.at("claude", ".credentials.json");
}

function sourceIn(scratch: Scratch, disarmBy: DisarmBy) {
	return fileSource({
		configDir: scratch.at("claude"),
		disarmBy,
		clock: systemClock,
		lockWaitMs: 250,
	});
}

async function readFileOf(scratch: Scratch): Promise<Record<string, unknown>> {
	const text = await readFile(fileOf(scratch), "utf8").catch(() => "{}");
	return JSON.parse(text) as Record<string, unknown>;
}

function make(disarmBy: DisarmBy): () => Promise<SourceUnderTest> {
	return async () => {
		const scratch = makeScratch();
		const lock = scratch.at("claude", ".oauth_refresh.lock");
		return {
			source: sourceIn(scratch, disarmBy),
			async put(entry) {
				await mkdir(scratch.at("claude"), { recursive: true });
				await writeFile(fileOf(scratch), JSON.stringify({ claudeAiOauth: entry, ...SIBLINGS }));
			},
			async entry() {
				return (await readFileOf(scratch)).claudeAiOauth as Record<string, unknown> | undefined;
			},
			async siblings() {
				const { claudeAiOauth: _, ...siblings } = await readFileOf(scratch);
				return siblings;
			},
			version: async () => Math.floor((await stat(fileOf(scratch))).mtimeMs),
			async spoil() {
				const text = await readFile(fileOf(scratch), "utf8");
				await writeFile(fileOf(scratch), text.slice(0, -20));
			},
			async lockAsClaude() {
				await mkdir(lock, { recursive: true });
				return () => rmdir(lock);
			},
			remove: async () => scratch.remove(),
		};
	};
}

sourceContract({
	name: "claude's own file",
	leavesAccess: true,
	make: make("blank-token"),
});
sourceContract({
	name: "the file of a dedicated folder",
	leavesAccess: false,
	make: make("remove-entry"),
});

describe("a credentials file", () => {
	const login = { accessToken: "sk-ant-oat01-CANARY-a", refreshToken: "sk-ant-ort01-CANARY-r" };
	const fp = "8f3";

	test("that is a link is not followed, and said to be one", async () => {
		const scratch = makeScratch();
		await mkdir(scratch.at("claude"));
		await writeFile(scratch.at("real.json"), JSON.stringify({ claudeAiOauth: login }));
		await symlink(scratch.at("real.json"), fileOf(scratch));
		const reading = await sourceIn(scratch, "blank-token").read();
		expect(reading).toMatchObject({ kind: "unreadable" });
		expect(JSON.stringify(reading)).toContain("symbolic link");
	});

	test.each([0o600, 0o640])("keeps its mode %o when it is disarmed", async (mode) => {
		const scratch = makeScratch();
		await mkdir(scratch.at("claude"));
		await writeFile(fileOf(scratch), JSON.stringify({ claudeAiOauth: login }));
		await chmod(fileOf(scratch), mode);
		const source = sourceIn(scratch, "blank-token");
		const reading = await source.read();
		const held = await source.hold(new AbortController().signal);
		await held.disarm(reading.kind === "login" ? reading.fp : fp);
		await held.release();
		expect((await stat(fileOf(scratch))).mode & 0o777).toBe(mode);
	});

	test("that holds nothing but the login goes from a dedicated folder", async () => {
		const scratch = makeScratch();
		await mkdir(scratch.at("claude"));
		await writeFile(fileOf(scratch), JSON.stringify({ claudeAiOauth: login }));
		const source = sourceIn(scratch, "remove-entry");
		const reading = await source.read();
		const held = await source.hold(new AbortController().signal);
		await held.disarm(reading.kind === "login" ? reading.fp : fp);
		await held.release();
		await expect(stat(fileOf(scratch))).rejects.toMatchObject({ code: "ENOENT" });
	});

	test("is not touched once the locks were taken over", async () => {
		const scratch = makeScratch();
		await mkdir(scratch.at("claude"));
		await writeFile(fileOf(scratch), JSON.stringify({ claudeAiOauth: login }));
		const source = sourceIn(scratch, "blank-token");
		const reading = await source.read();
		const held = await source.hold(new AbortController().signal);
		await rmdir(scratch.at("claude", ".storage-write.lock"));
		await mkdir(scratch.at("claude", ".storage-write.lock"));
		await expect(held.disarm(reading.kind === "login" ? reading.fp : fp)).rejects.toMatchObject({
			code: "locked",
		});
		await held.release();
		expect(await source.read()).toMatchObject({ kind: "login" });
	});
});
