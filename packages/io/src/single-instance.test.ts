import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { claimSingleInstance, type SingleInstance } from "./single-instance.ts";

let folder: string;
let held: SingleInstance[];
let children: ChildProcess[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
	held = [];
	children = [];
});
afterEach(async () => {
	for (const each of held) await each.release();
	for (const child of children) {
		if (child.exitCode !== null || child.signalCode !== null) continue;
		child.kill("SIGKILL");
		await once(child, "exit");
	}
	rmSync(folder, { recursive: true });
});

async function claim(where = folder) {
	const instance = await claimSingleInstance(where);
	held.push(instance);
	return instance;
}

/** Another process that claims the folder and says so, or what kept it from it. */
async function claimElsewhere(): Promise<{ child: ChildProcess; said: string }> {
	const module = new URL("./single-instance.ts", import.meta.url).href;
	const program = `
		const { claimSingleInstance } = await import(${JSON.stringify(module)});
		await claimSingleInstance(${JSON.stringify(folder)}).then(
			() => { console.log("claimed"); setInterval(() => {}, 1000); },
			(error) => console.log(error.code + ": " + error.message));`;
	const argv = ["--import", "tsx", "--input-type=module", "-e", program];
	const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
	children.push(child);
	const said = String((await once(child.stdout, "data"))[0]).trim();
	return { child, said };
}

it("is had by one at a time, who is named", async () => {
	const first = await claim();
	await expect(claim()).rejects.toMatchObject({
		code: "already-running",
		message: `process ${process.pid} already serves ${folder}`,
	});
	expect((await claimElsewhere()).said).toContain(`already-running: process ${process.pid} `);
	await first.release();
	held = [];
	expect(readdirSync(folder)).toEqual([]);
	await claim();
});

it("outlives no kill", async () => {
	const { child, said } = await claimElsewhere();
	expect(said).toBe("claimed");
	await expect(claim()).rejects.toMatchObject({
		code: "already-running",
		message: expect.stringContaining(`process ${child.pid} `),
	});
	child.kill("SIGKILL");
	await once(child, "exit");
	await claim();
});

it.skipIf(process.platform === "win32")("is held by one that is stopped, too", async () => {
	const { child } = await claimElsewhere();
	child.kill("SIGSTOP");
	await expect(claimSingleInstance(folder, { answerMs: 50 })).rejects.toMatchObject({
		code: "already-running",
		message: `another process already serves ${folder}`,
	});
});

it("goes to one of many that find a dead one", async () => {
	const { child } = await claimElsewhere();
	child.kill("SIGKILL");
	await once(child, "exit");
	const claims = await Promise.allSettled(Array.from({ length: 10 }, () => claim()));
	const refusals = claims.filter((each) => each.status === "rejected");
	expect(refusals).toHaveLength(9);
	for (const { reason } of refusals) expect(reason).toMatchObject({ code: "already-running" });
});

it("is one for each folder", async () => {
	const other = join(folder, "other");
	mkdirSync(other, { mode: 0o700 });
	await claim();
	await claim(other);
});

it.runIf(process.platform === "linux")(
	"works in a folder too deep for a socket's name",
	async () => {
		const deep = join(folder, "x".repeat(100), "y".repeat(100));
		mkdirSync(deep, { recursive: true, mode: 0o700 });
		await claim(deep);
		expect(readdirSync(deep)).toEqual(["instance.sock"]);
		await expect(claim(deep)).rejects.toMatchObject({ code: "already-running" });
	},
);

it.skipIf(process.platform === "win32")("removes nothing that is no socket", async () => {
	writeFileSync(join(folder, "instance.sock"), "kept");
	await expect(claim()).rejects.toMatchObject({ code: "unsafe-path" });
	expect(readdirSync(folder)).toEqual(["instance.sock"]);
});

const sign = () => join(folder, "instance.sock");

it.skipIf(process.platform === "win32")(
	"whose sign was removed is claimed anew by a look",
	async () => {
		const first = await claim();
		const before = statSync(sign()).ino;
		await first.look();
		expect(statSync(sign()).ino).toBe(before);
		for (const _again of [1, 2]) {
			rmSync(sign());
			await first.look();
			await expect(claim()).rejects.toMatchObject({ code: "already-running" });
		}
		await first.release();
		held = [];
		expect(readdirSync(folder)).toEqual([]);
	},
);

it.skipIf(process.platform === "win32")(
	"that another has taken by now is left to it, also at the end",
	async () => {
		const first = await claim();
		rmSync(sign());
		const { child, said } = await claimElsewhere();
		expect(said).toBe("claimed");
		await expect(first.look()).rejects.toMatchObject({
			code: "already-running",
			message: `process ${child.pid} already serves ${folder}`,
		});
		await first.release();
		held = [];
		await expect(claim()).rejects.toMatchObject({ code: "already-running" });
		expect(readdirSync(folder)).toEqual(["instance.sock"]);
	},
);

it.skipIf(process.platform === "win32")("takes the place of a dead one's sign", async () => {
	const first = await claim();
	renameSync(sign(), join(folder, "aside"));
	const { child } = await claimElsewhere();
	child.kill("SIGKILL");
	await once(child, "exit");
	await first.look();
	await expect(claim()).rejects.toMatchObject({
		message: expect.stringContaining(`${process.pid}`),
	});
});
