/**
 * Whatever lies in the place of claude's file: what is a login is one, also to the byte of what is not
 * ours; of anything else a person is told what it is, nobody waits on it, and nobody writes over it.
 */
import {
	chmodSync,
	chownSync,
	type Dirent,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { readCredentials } from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import { parseEntry } from "@baton/core/session";
import { systemClock } from "@baton/io/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileSource } from "../../packages/pc/src/sources/file-source.ts";
import type { Source } from "../../packages/pc/src/sources/source.ts";
import { claudeCodeSink } from "../../packages/vps/src/sinks/claude-code.ts";
import { INNER, ODD_FILES, type OddFile, SIBLINGS } from "../parts/odd-credentials.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import { accessToken } from "./open-sink.ts";

const LOGIN = {
	accessToken: "sk-ant-oat01-CANARY-a",
	refreshToken: "sk-ant-ort01-CANARY-r",
	expiresAt: Date.now() + 3_600_000,
	refreshTokenExpiresAt: Date.now() + 86_400_000,
	scopes: ["user:inference"],
};
const FP = fingerprintOf(LOGIN.refreshToken);
const DISARMS = ["blank-token", "remove-entry"] as const;

let scratch: Scratch;
let file: string;
let undo: (() => void) | undefined;

beforeEach(() => {
	scratch = makeScratch();
	mkdirSync(scratch.at("claude"), { mode: 0o700 });
	file = scratch.at("claude", ".credentials.json");
});
afterEach(() => {
	undo?.();
	undo = undefined;
	scratch.remove();
});

const of = (is: OddFile["is"]) => ODD_FILES.filter((odd) => odd.is === is);

function make(odd: OddFile): void {
	undo = odd.make(file, LOGIN);
}

function source(disarmBy: (typeof DISARMS)[number] = "blank-token"): Source {
	return fileSource({ configDir: scratch.at("claude"), disarmBy, clock: systemClock });
}

function sink() {
	return claudeCodeSink({
		name: "claude",
		configDir: scratch.at("claude"),
		clock: systemClock,
		memory: { hasWritten: () => false, noteWritten: async () => {}, forget: async () => {} },
		isKnown: () => false,
		isDisarming: () => false,
	});
}

async function held<T>(use: (held: Awaited<ReturnType<Source["hold"]>>) => Promise<T>): Promise<T> {
	const hold = await source().hold(new AbortController().signal);
	return await use(hold).finally(() => hold.release());
}

const content = () => JSON.parse(readFileSync(file, "utf8").replace(/^\ufeff/, ""));

/** Kind, identity, time and content of all that is there. */
function everything(): unknown[] {
	const folder = dirname(file);
	const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
	return entries.map((entry: Dirent) => {
		const path = `${entry.parentPath}/${entry.name}`;
		const { ino, mtimeMs, mode } = lstatSync(path);
		return [path, ino, mtimeMs, mode, entry.isFile() ? readFileSync(path, "latin1") : ""];
	});
}

describe("a login with", () => {
	test.each(of("login"))("$name is read", async (odd) => {
		make(odd);
		expect(await source().read()).toMatchObject({ kind: "login", fp: FP });
	});

	test.each(of("login"))("$name keeps all else when it is disarmed and put back", async (odd) => {
		make(odd);
		const before = content();
		const reading = await source().read();
		if (reading.kind !== "login") throw new Error("no login");
		await held(async (hold) => {
			await hold.disarm(FP);
			const disarmed = { ...before.claudeAiOauth, refreshToken: "" };
			expect(content()).toEqual({ ...before, claudeAiOauth: disarmed });
			await hold.restore(reading.session);
		});
		const { scopes = [] } = before.claudeAiOauth;
		expect(content()).toEqual({ ...before, claudeAiOauth: { ...before.claudeAiOauth, scopes } });
	});

	test.each(of("login"))("$name leaves what is beside it when it goes", async (odd) => {
		make(odd);
		const { claudeAiOauth: _gone, ...beside } = content();
		const hold = await source("remove-entry").hold(new AbortController().signal);
		await hold.disarm(FP).finally(() => hold.release());
		expect(content()).toEqual(beside);
	});

	test.each(of("login"))("$name is somebody's own to a sink", async (odd) => {
		make(odd);
		const before = everything();
		const outcome = await sink().write(accessToken("sk-one"));
		expect(outcome).toEqual({ kind: "stepped-back", reason: "foreign" });
		expect(everything()).toEqual(before);
	});
});

describe("no login:", () => {
	test.each(of("blank"))("$name", async (odd) => {
		make(odd);
		expect(await source().read()).toMatchObject({ kind: "blank" });
		await sink().write(accessToken("sk-one"));
		expect(content()).toMatchObject({ ...SIBLINGS, claudeAiOauth: { accessToken: "sk-one" } });
	});

	test("what a sink writes later keeps what is in the entry of the login it serves", async () => {
		const session = { ...parseEntry({ ...LOGIN, ...INNER }), refreshToken: undefined };
		await sink().write({ ...accessToken("sk-one"), session });
		expect(content().claudeAiOauth).toEqual({ ...LOGIN, ...INNER, refreshToken: "" });
	});
});

describe("nothing that a login can be read from:", () => {
	test.each(of("unreadable"))("$name is said to be so, without what is in it", async (odd) => {
		make(odd);
		const reading = await source().read();
		expect(reading).toMatchObject({
			kind: "unreadable",
			why: expect.stringMatching(odd.why ?? /-/),
		});
		const { why, hint } = reading as { why: string; hint: string };
		expect(why).toContain(file);
		expect(hint.length).toBeGreaterThan(20);
		expect(why + hint).not.toContain("CANARY");
		expect(`${why}${hint}`.length - file.length).toBeLessThan(200);
	});

	test.each(of("unreadable"))("$name is written over by nobody", async (odd) => {
		make(odd);
		const before = everything();
		const session = parseEntry(LOGIN) as Parameters<Held["restore"]>[0];
		const refused = { name: "BatonError" };
		await expect(held((hold) => hold.disarm(FP))).rejects.toMatchObject(refused);
		await expect(held((hold) => hold.restore(session))).rejects.toMatchObject(refused);
		const error = await sink()
			.write(accessToken("sk-one"))
			.catch((caught: unknown) => caught);
		expect(error).toBeInstanceOf(BatonError);
		expect(String((error as BatonError).message)).not.toContain("CANARY");
		expect((error as BatonError).hint ?? "").not.toBe("");
		expect(everything()).toEqual(before);
	});
});

type Held = Awaited<ReturnType<Source["hold"]>>;

describe.skipIf(process.platform === "win32")("a file of mode 000", () => {
	/** Root reads everything: this is somebody else for a while. */
	async function asNobody<T>(act: () => Promise<T>): Promise<T> {
		if (process.getuid?.() !== 0) return await act();
		for (const path of [scratch.path, dirname(file), file]) chownSync(path, NOBODY, NOBODY);
		process.seteuid?.(NOBODY);
		return await act().finally(() => process.seteuid?.(0));
	}
	const NOBODY = 65_534;

	test("is said to be so, and is written over by nobody", async () => {
		make(of("login")[0] as OddFile);
		chmodSync(file, 0);
		const reading = await asNobody(() => source().read());
		expect(reading).toMatchObject({
			kind: "unreadable",
			why: `cannot read ${file}: permission denied`,
			hint: expect.stringContaining("the mode of the file"),
		});
		await expect(asNobody(() => held((hold) => hold.disarm(FP)))).rejects.toMatchObject({
			code: "disk-failed",
		});
		await expect(asNobody(() => sink().write(accessToken("sk-one")))).rejects.toMatchObject({
			name: "BatonError",
		});
		chmodSync(file, 0o600);
		expect(readCredentials(readFileSync(file, "utf8"))).toMatchObject({ kind: "login", fp: FP });
		expect(existsSync(`${scratch.at("claude")}.lock`)).toBe(false);
	});
});

test("a file that is being written is a login once it is whole", async () => {
	const [half, whole] = ["half-written", "unknown keys in it and beside it"].map(
		(name) => ODD_FILES.find((odd) => odd.name === name) as OddFile,
	);
	half?.make(file, LOGIN);
	expect((await source().read()).kind).toBe("unreadable");
	whole?.make(file, LOGIN);
	expect(await source().read()).toMatchObject({ kind: "login", fp: FP });
});
