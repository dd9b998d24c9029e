import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sink } from "../../packages/vps/src/sinks/sink.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import { blockedFolder } from "./blocked-folder.ts";
import { fileSinkContract } from "./file-sink-contract.ts";
import { accessToken, openSink } from "./open-sink.ts";
import { sinkContract } from "./sink-contract.ts";

const OURS = "sk-ant-ort01-ours";

const open = (scratch: Scratch, isDisarming = (_path: string) => false) =>
	openSink({
		settings: { type: "claude-code", configDir: scratch.at("claude") },
		memory: scratch.at("sinks.json"),
		isKnown: (fp) => fp === fingerprintOf(OURS),
		isDisarming,
	});

fileSinkContract({
	name: "claude-code",
	file: ".credentials.json",
	settings: (configDir) => ({ type: "claude-code", configDir }),
	held(text) {
		const { claudeAiOauth } = JSON.parse(text);
		return claudeAiOauth.accessToken;
	},
	neighbours: JSON.stringify({ mcpOAuth: { filler: "x".repeat(500_000) } }),
	afterRemoval: "logged-out",
	afterClearing: "{}",
	makesFolder: true,
	sharesWithGroup: false,
});

sinkContract({
	name: "claude-code",
	async make(scratch) {
		const configDir = scratch.at("claude");
		const file = join(configDir, ".credentials.json");
		return {
			sink: await open(scratch),
			held() {
				if (!existsSync(file)) return undefined;
				const { claudeAiOauth } = JSON.parse(readFileSync(file, "utf8"));
				expect(claudeAiOauth.refreshToken).toBe("");
				return claudeAiOauth.accessToken;
			},
			everything: () => `${readdirSync(configDir)} ${readFileSync(file, "utf8")}`,
			...blockedFolder(configDir, scratch),
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
		sink = await open(scratch);
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

	test("sees somebody's own login, a copy of ours, and neither, and changes none of them", async () => {
		for (const [content, seen] of [
			[{ claudeAiOauth: login("sk-ant-ort01-theirs") }, "foreign"],
			[{ claudeAiOauth: login(OURS) }, "changed"],
			[{}, "changed"],
		] as const) {
			put(content);
			expect(await sink.look?.(accessToken("sk-one"))).toBe(seen);
			expect(await sink.look?.(undefined)).toBe(seen);
			await sink.prove();
			expect(read()).toEqual(content);
		}
	});

	test.each(["look", "write"] as const)(
		"once a %s saw somebody's own login, its end is no logout of ours, also after a restart",
		async (step) => {
			await sink.write(accessToken("sk-one"));
			put({ claudeAiOauth: login("sk-ant-ort01-theirs") });
			if (step === "look") await sink.look?.(accessToken("sk-one"));
			else await sink.write(accessToken("sk-one"));
			rmSync(file);
			for (const one of [sink, await open(scratch)]) {
				expect(await one.look?.(accessToken("sk-one"))).toBe("changed");
			}
			expect(await sink.write(accessToken("sk-one"))).toMatchObject({ kind: "written" });
			rmSync(file);
			expect(await sink.look?.(accessToken("sk-one"))).toBe("logged-out");
		},
	);

	test("after a logout it is served again from {} on", async () => {
		await sink.write(accessToken("sk-one"));
		rmSync(file);
		await sink.write(accessToken("sk-two"));
		put({});
		expect(await sink.look?.(accessToken("sk-two"))).toBe("changed");
		expect(await sink.write(accessToken("sk-two"))).toMatchObject({ kind: "written" });
	});

	test("takes a removed file for a logout, also after a restart", async () => {
		await sink.write(accessToken("sk-one"));
		rmSync(file);
		const paused = { kind: "stepped-back", reason: "logged-out" };
		expect(await sink.write(accessToken("sk-two"))).toEqual(paused);
		expect(await (await open(scratch)).write(accessToken("sk-two"))).toEqual(paused);
		expect(existsSync(file)).toBe(false);
	});

	test.each<[string, () => void, RegExp]>([
		["half a file", () => writeFileSync(file, '{"claudeAi'), /not valid JSON/],
		["no claude login", () => put({ claudeAiOauth: 5 }), /not a login/],
	])("refuses %s and leaves it as it is", async (_what, prepare, why) => {
		prepare();
		const before = readFileSync(file, "utf8");
		await expect(sink.prove()).rejects.toThrow(why);
		expect(await sink.look?.(accessToken("sk-one"))).toBe("unreadable");
		await expect(sink.write(accessToken("sk-one"))).rejects.toThrow(why);
		expect(readFileSync(file, "utf8")).toBe(before);
	});

	test.each(["write", "clear"] as const)("waits for claude's locks before a %s", async (step) => {
		if (step === "clear") await sink.write(accessToken("sk-one"));
		const lock = scratch.at("claude", ".oauth_refresh.lock");
		mkdirSync(lock);
		setTimeout(() => rmSync(lock, { recursive: true }), 600);
		const started = performance.now();
		await (step === "write" ? sink.write(accessToken("sk-one")) : sink.clear?.());
		expect(performance.now() - started).toBeGreaterThan(500);
	});

	describe("that is to be cleared", () => {
		test("loses the entry and nothing beside it", async () => {
			put({ mcpOAuth: { a: 1 } });
			await sink.write(accessToken("sk-one"));
			expect(await sink.clear?.()).toBe("cleared");
			expect(read()).toEqual({ mcpOAuth: { a: 1 } });
			expect(readdirSync(folder)).toEqual([".credentials.json"]);
		});

		test("loses a copy of what is in custody, also one we never wrote", async () => {
			put({ claudeAiOauth: login(OURS) });
			expect(await sink.clear?.()).toBe("cleared");
			expect(read()).toEqual({});
		});

		test("keeps somebody's own login, whose end is then no logout of ours", async () => {
			await sink.write(accessToken("sk-one"));
			const theirs = { claudeAiOauth: login("sk-ant-ort01-theirs") };
			put(theirs);
			expect(await sink.clear?.()).toBe("foreign");
			expect(read()).toEqual(theirs);
			rmSync(file);
			expect(await sink.look?.(undefined)).toBe("changed");
		});

		test("keeps an access token that was never ours", async () => {
			put({ claudeAiOauth: login("") });
			expect(await sink.clear?.()).toBe("nothing");
			expect(read()).toEqual({ claudeAiOauth: login("") });
		});

		test("after a logout there is told so, and makes no file", async () => {
			await sink.write(accessToken("sk-one"));
			rmSync(file);
			expect(await sink.clear?.()).toBe("logged-out");
			expect(existsSync(file)).toBe(false);
		});

		test("where there is no folder is made none", async () => {
			rmSync(folder, { recursive: true });
			expect(await sink.clear?.()).toBe("nothing");
			expect(existsSync(folder)).toBe(false);
		});

		test("what cannot be read is refused, and left as it is", async () => {
			await sink.write(accessToken("sk-one"));
			writeFileSync(file, '{"claudeAi');
			await expect(sink.clear?.()).rejects.toThrow(/not valid JSON/);
			expect(readFileSync(file, "utf8")).toBe('{"claudeAi');
		});
	});

	test("what is just being taken over is neither written nor cleared", async () => {
		await sink.write(accessToken("sk-one"));
		const before = readFileSync(file, "utf8");
		const taken = await open(scratch, (path) => path === file);
		await expect(taken.write(accessToken("sk-two"))).rejects.toThrow(/being taken over/);
		await expect(taken.clear?.()).rejects.toThrow(/being taken over/);
		expect(readFileSync(file, "utf8")).toBe(before);
	});
});
