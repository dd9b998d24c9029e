import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeClock } from "./clock.ts";
import { isAlive } from "./process-alive.ts";
import { type Argv, type CommandOptions, runCommand } from "./run-command.ts";

const isWindows = process.platform === "win32";
const node = (program: string, ...args: string[]): Argv => [
	process.execPath,
	"-e",
	program,
	...args,
];

const run = (argv: Argv, options: Partial<CommandOptions> = {}) =>
	runCommand(argv, { env: {}, timeoutMs: 20_000, ...options });

it("passes arguments as they are, input and the given environment alone", async () => {
	const program = `
		process.stdin.pipe(process.stdout);
		console.error(JSON.stringify([process.argv.slice(1), process.env.A, process.env.HOME]));
		process.exitCode = 3;`;
	const given = ["$(id)", "a b", ""];
	const result = await run(node(program, ...given), { env: { A: "1" }, stdin: "in ü" });
	expect(result).toMatchObject({ code: 3, signal: null, stdout: "in ü", truncated: false });
	expect(JSON.parse(result.stderr)).toEqual([given, "1", null]);
});

it("takes bytes and a working folder", async () => {
	const folder = mkdtempSync(join(tmpdir(), "baton-"));
	try {
		const program = "process.stdin.once('data', (d) => console.log(d[0], process.cwd()))";
		const { stdout } = await run(node(program), { stdin: Buffer.from([255]), cwd: folder });
		expect(stdout.trim()).toBe(`255 ${folder}`);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

it("keeps the first of a flood", async () => {
	const program = "process.stdout.write('a'.repeat(1e6)); process.stderr.write('b')";
	const result = await run(node(program), { maxOutputBytes: 1000 });
	expect(result).toEqual({
		code: 0,
		signal: null,
		stdout: "a".repeat(1000),
		stderr: "b",
		truncated: true,
	});
});

it("does not mind input that is not read", async () => {
	const result = await run(node(""), { stdin: Buffer.alloc(1_000_000) });
	expect(result.code).toBe(0);
});

it.each<[string, Argv]>([
	["is missing", ["/none/such", "topsecret"]],
	["is a folder", [tmpdir(), "topsecret"]],
	["has an argument that cannot be passed", [process.execPath, "topsecret\0"]],
	["has too long arguments", [process.execPath, `topsecret${"x".repeat(8_000_000)}`]],
])("names a program that %s and shows no argument", async (_how, argv) => {
	const failure = await run(argv).catch((error: unknown) => error);
	expect(failure).toMatchObject({ code: "command-failed" });
	expect(String(failure)).toContain(`cannot start ${argv[0]}: `);
	expect(inspect(failure, { depth: 9 })).not.toContain("topsecret");
});

describe.skipIf(isWindows)("ending it", () => {
	let folder: string;
	let pidsFile: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "baton-"));
		pidsFile = join(folder, "pids");
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	/** Writes its own process id and a child's; neither heeds SIGTERM when `stubborn`. */
	const shell = (rest: string, stubborn: boolean): Argv => [
		"/bin/sh",
		"-c",
		`${stubborn ? "trap '' TERM;" : ""} sleep 60 & echo $$ $! > ${pidsFile}; ${rest}`,
	];
	const env = { PATH: process.env.PATH ?? "" };
	const started = () =>
		vi.waitFor(() => {
			const pids = readFileSync(pidsFile, "utf8").trim().split(" ").map(Number);
			expect(pids).toHaveLength(2);
			return pids;
		});
	const alive = (pids: number[]) => pids.map((pid) => isAlive(pid));
	const allGone = (pids: number[]) => vi.waitFor(() => expect(alive(pids)).toEqual([false, false]));

	it("asks first, then kills it and all it started", async () => {
		const clock = fakeClock();
		const running = run(shell("wait; sleep 60", true), { clock, timeoutMs: 5000, env });
		const outcome = running.catch((error: unknown) => error);
		const pids = await started();
		await clock.advance(6900);
		expect(alive(pids)).toEqual([true, true]);
		await clock.advance(100);
		expect(await outcome).toMatchObject({
			code: "timed-out",
			message: "/bin/sh took longer than 5 s and was ended",
		});
		await allGone(pids);
		expect(clock.sleepers).toBe(0);
	});

	it("does not kill what ends when asked", async () => {
		const clock = fakeClock();
		const running = run(shell("wait", false), { clock, timeoutMs: 5000, env });
		const outcome = running.catch((error: unknown) => error);
		const pids = await started();
		await clock.advance(5000);
		expect(await outcome).toMatchObject({ code: "timed-out" });
		await allGone(pids);
	});

	it("is done by an abort too", async () => {
		const stop = new AbortController();
		const outcome = run(shell("wait", false), { signal: stop.signal, env }).catch(
			(error: unknown) => error,
		);
		const pids = await started();
		stop.abort(new Error("enough"));
		expect(await outcome).toMatchObject({ message: "enough" });
		await allGone(pids);
		await expect(run(["/none"], { signal: stop.signal })).rejects.toThrow("enough");
	});

	it("does not wait for a child that keeps the output open", async () => {
		const clock = fakeClock();
		const running = run(shell("echo done; exit 4", false), { clock, env });
		const pids = await started();
		await vi.waitFor(async () => {
			await clock.advance(500);
			expect(clock.sleepers).toBe(0);
		});
		expect(await running).toMatchObject({ code: 4, stdout: "done\n" });
		expect(isAlive(pids[1] as number)).toBe(true);
		process.kill(pids[1] as number, "SIGKILL");
	});
});
