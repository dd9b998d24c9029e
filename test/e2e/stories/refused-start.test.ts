/** A start that would be unsafe is refused, says why, and touches nothing; mended, all goes on. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { outcomes, settled, told } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";

/** SHA-256 of every plain file below a folder, by path. */
function filesBelow(folder: string): Record<string, string> {
	const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
	const files = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
	const sum = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
	return Object.fromEntries(files.sort().map((file) => [file, sum(file)]));
}

interface Case {
	readonly file: string;
	readonly spoil: (bytes: Buffer) => Buffer;
	readonly program: "baton" | "batond";
	readonly commands: readonly (readonly string[])[];
	readonly code: number;
	readonly says: RegExp;
}

/** Every command refuses, and every file of either machine is what it was. */
async function expectRefused(stage: Stage, refused: Case): Promise<void> {
	const { file, spoil, program, commands, code, says } = refused;
	const good = readFileSync(file);
	writeFileSync(file, spoil(good));
	const folders = [stage.pc.scratch.path, stage.vps.scratch.path];
	const before = folders.map(filesBelow);
	for (const command of commands) {
		const ended = await stage[program](...command);
		expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(says)]);
		expect(ended.stderr.trim().split("\n").length).toBeLessThanOrEqual(12);
	}
	expect(folders.map(filesBelow)).toEqual(before);
	writeFileSync(file, good);
}

const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2);
const newer = (bytes: Buffer) =>
	Buffer.from(bytes.toString("utf8").replace('"version":1', '"version":2'));
/** The sixth byte of an encrypted file is its version. */
const newerSecret = (bytes: Buffer) =>
	Buffer.concat([bytes.subarray(0, 5), Buffer.of(2), bytes.subarray(6)]);
const withKey = (key: string) => (bytes: Buffer) =>
	Buffer.from(JSON.stringify({ ...JSON.parse(bytes.toString("utf8")), [key]: {} }));

const SERVE = [["serve"]] as const;
const OWNING = [["watch"], ["handover", HOST], ["take-back", HOST]] as const;
const LOOKING = [...OWNING, ["status"]] as const;

function casesOf({ pc, vps }: Stage): Case[] {
	const [escrow = ""] = pc.escrows().map((name) => pc.scratch.at("state", "escrow", name));
	const custody = join(vps.stateFolder, "secrets", "custody-default.secret");
	const sinks = join(vps.stateFolder, "sinks.json");
	const onPc = { program: "baton", commands: OWNING, code: 1 } as const;
	const onVps = { program: "batond", commands: SERVE, code: 1 } as const;
	return [
		{ ...onPc, file: pc.recordFile, spoil: half, commands: LOOKING, says: /cut short/ },
		{ ...onPc, file: pc.recordFile, spoil: newer, commands: LOOKING, says: /newer version/ },
		{ ...onPc, file: escrow, spoil: half, says: /damaged/ },
		{ ...onPc, file: escrow, spoil: newerSecret, says: /newer version/ },
		{ ...onPc, file: pc.scratch.at("config", "escrow.key"), spoil: half, says: /not a key/ },
		{ ...onVps, file: custody, spoil: half, says: /damaged/ },
		{ ...onVps, file: custody, spoil: newerSecret, says: /newer version/ },
		{ ...onVps, file: sinks, spoil: half, says: /cut short/ },
		{ ...onVps, file: sinks, spoil: newer, says: /newer version/ },
		{ ...onVps, file: join(vps.configFolder, "batond.key"), spoil: half, says: /not a key/ },
		{
			...onPc,
			file: pc.configFile,
			spoil: withKey("hots"),
			commands: LOOKING,
			code: 2,
			says: /hots\n(.*\n)*.*did you mean hosts/,
		},
		{
			...onVps,
			file: join(vps.configFolder, "batond.json"),
			spoil: withKey("nmaes"),
			code: 2,
			says: /nmaes\n(.*\n)*.*did you mean names/,
		},
	];
}

story("bad state, keys and settings are refused, with a login in transit", {}, async (stage) => {
	const { pc, provider } = stage;
	const claude = pc.claudeFor(HOST);
	const before = [await stage.serve(), await stage.watch()];
	const first = await claude.login();
	await settled(stage);
	await provider.inject("profile", { kind: "status", status: 503 }, "until-cleared");
	const second = await claude.login();
	await told(stage, "staged", 2);
	for (const child of before) child.kill();
	for (const child of before) await child.ended();
	expect([stage.steps(), pc.escrows().length]).toEqual([["taken"], 1]);

	for (const refused of casesOf(stage)) await expectRefused(stage, refused);

	await provider.clearFaults();
	const running = [await stage.serve(), await stage.watch()];
	await settled(stage, 2);
	expect(await outcomes(stage)).toEqual(["rotated", "rotated"]);
	const logins = [
		[first, "nowhere"],
		[second, "vps current"],
	] as const;
	return { running, logins };
});
