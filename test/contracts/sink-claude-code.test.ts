import {
	chmodSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { systemClock } from "@baton/io/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { claudeCodeSink } from "../../packages/vps/src/sinks/claude-code.ts";
import type { Sink } from "../../packages/vps/src/sinks/sink.ts";
import { openSinkMemory } from "../../packages/vps/src/sinks/sink-memory.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import { accessToken, sinkContract } from "./sink-contract.ts";

const OURS = "sk-ant-ort01-ours";

async function openSink(scratch: Scratch): Promise<Sink> {
	return claudeCodeSink({
		name: "claude",
		configDir: scratch.at("claude"),
		clock: systemClock,
		memory: await openSinkMemory(scratch.at("sinks.json")),
		isKnown: (fp) => fp === fingerprintOf(OURS),
	});
}

const forgetful = { hasWritten: () => false, noteWritten: async () => {} };

sinkContract({
	name: "claude-code",
	make(scratch) {
		const configDir = scratch.at("claude");
		const file = join(configDir, ".credentials.json");
		const moved = scratch.at("moved");
		return {
			sink: claudeCodeSink({
				name: "claude",
				configDir,
				clock: systemClock,
				memory: forgetful,
				isKnown: () => false,
			}),
			held() {
				if (!existsSync(file)) return undefined;
				const { claudeAiOauth } = JSON.parse(readFileSync(file, "utf8"));
				expect(claudeAiOauth.refreshToken).toBe("");
				return claudeAiOauth.accessToken;
			},
			everything: () => `${readdirSync(configDir)} ${readFileSync(file, "utf8")}`,
			// A file where the folder should be stops root too.
			block() {
				renameSync(configDir, moved);
				writeFileSync(configDir, "");
			},
			unblock() {
				if (!existsSync(moved)) return;
				rmSync(configDir);
				renameSync(moved, configDir);
			},
		};
	},
});

describe("a claude-code sink", () => {
	let scratch: Scratch;
	let sink: Sink;
	let folder: string;
	let file: string;

	beforeEach(async () => {
		scratch = makeScratch();
		folder = scratch.at("claude");
		file = scratch.at("claude", ".credentials.json");
		mkdirSync(folder, { mode: 0o700 });
		sink = await openSink(scratch);
	});
	afterEach(() => scratch.remove());

	const put = (content: unknown) => writeFileSync(file, JSON.stringify(content));
	const read = () => JSON.parse(readFileSync(file, "utf8"));
	const login = (refreshToken: string) => ({ accessToken: "sk-theirs", refreshToken, scopes: [] });

	test("keeps what stands beside the entry, and writes the whole entry claude wants", async () => {
		put({ mcpOAuth: { a: 1 }, pluginSecrets: ["b"] });
		await sink.write(accessToken("sk-one"));
		expect(read()).toEqual({
			mcpOAuth: { a: 1 },
			pluginSecrets: ["b"],
			claudeAiOauth: {
				accessToken: "sk-one",
				refreshToken: "",
				expiresAt: 1_900_000_000_000,
				refreshTokenExpiresAt: 1_900_000_000_000,
				scopes: ["user:inference", "user:profile"],
				subscriptionType: "max",
				rateLimitTier: "t5",
			},
		});
	});

	test("is for its owner only, whatever was there before", async () => {
		put({});
		chmodSync(file, 0o644);
		await sink.write(accessToken("sk-one"));
		expect(statSync(file).mode & 0o777).toBe(0o600);
		chmodSync(file, 0o644);
		await sink.write(accessToken("sk-one"));
		expect(statSync(file).mode & 0o777).toBe(0o600);
	});

	test("never has the same time of change twice running", async () => {
		let before = 0;
		for (let n = 0; n < 20; n += 1) {
			await sink.write(accessToken(`sk-${n}`));
			const now = Math.floor(statSync(file).mtimeMs);
			expect(now).not.toBe(before);
			before = now;
		}
	});

	test("leaves no lock and no other file behind", async () => {
		await sink.write(accessToken("sk-one"));
		expect(readdirSync(folder)).toEqual([".credentials.json"]);
		expect(readdirSync(scratch.path).sort()).toEqual(["claude", "sinks.json"]);
	});

	test("steps back from somebody's own login", async () => {
		put({ claudeAiOauth: login("sk-ant-ort01-theirs") });
		const before = readFileSync(file, "utf8");
		expect(await sink.write(accessToken("sk-one"))).toEqual({
			kind: "stepped-back",
			reason: "foreign",
		});
		expect(readFileSync(file, "utf8")).toBe(before);
	});

	test("disarms a copy of what is in custody, and names it", async () => {
		put({ claudeAiOauth: login(OURS) });
		const outcome = await sink.write(accessToken("sk-one"));
		expect(outcome).toEqual({ kind: "written", disarmed: fingerprintOf(OURS) });
		expect(readFileSync(file, "utf8")).not.toContain(OURS);
	});

	test("takes a removed file for a logout, also after a restart", async () => {
		await sink.write(accessToken("sk-one"));
		rmSync(file);
		const paused = { kind: "stepped-back", reason: "logged-out" };
		expect(await sink.write(accessToken("sk-two"))).toEqual(paused);
		expect(await (await openSink(scratch)).write(accessToken("sk-two"))).toEqual(paused);
		expect(existsSync(file)).toBe(false);
	});

	test.each<[string, () => void, RegExp]>([
		["half a file", () => writeFileSync(file, '{"claudeAi'), /not valid JSON/],
		["no claude login", () => put({ claudeAiOauth: 5 }), /not a login/],
		["a huge file", () => writeFileSync(file, " ".repeat(1024 * 1024 + 1)), /larger/],
		[
			"a symbolic link",
			() => {
				writeFileSync(scratch.at("target"), "{}");
				symlinkSync(scratch.at("target"), file);
			},
			/symbolic link|plain file/,
		],
		["a folder others may write in", () => chmodSync(folder, 0o770), /written by other users/],
		[
			"a folder that is a link",
			() => {
				renameSync(folder, scratch.at("real"));
				symlinkSync(scratch.at("real"), folder);
			},
			/not a folder/,
		],
	])("refuses %s and leaves it as it is", async (_what, prepare, why) => {
		prepare();
		await expect(sink.write(accessToken("sk-one"))).rejects.toThrow(why);
		const stat = lstatSync(file, { throwIfNoEntry: false });
		expect(stat?.isSymbolicLink() ?? false).toBe(_what === "a symbolic link");
		const places = [scratch.at("target"), file].filter((path) => existsSync(path));
		for (const path of places) expect(readFileSync(path, "utf8")).not.toContain("sk-one");
	});

	test("waits for claude's locks", async () => {
		const lock = scratch.at("claude", ".oauth_refresh.lock");
		mkdirSync(lock);
		setTimeout(() => rmSync(lock, { recursive: true }), 600);
		const started = performance.now();
		await sink.write(accessToken("sk-one"));
		expect(performance.now() - started).toBeGreaterThan(500);
	});
});
