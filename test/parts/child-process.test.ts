import { afterEach, expect, test, vi } from "vitest";
import { runChild, startChild, stopAllChildren } from "./child-process.ts";
import { isRunning } from "./is-running.ts";

afterEach(stopAllChildren);

const node = (program: string): [string, ...string[]] => [process.execPath, "-e", program];

test("nothing is inherited but PATH and LANG", async () => {
	vi.stubEnv("PART_SECRET", "x");
	const argv = node("console.log(JSON.stringify(Object.keys(process.env)))");
	const { stdout } = await runChild({ argv, env: { HOME: "/nowhere" } });
	expect(JSON.parse(stdout).sort()).toEqual(["HOME", "LANG", "PATH"]);
	vi.unstubAllEnvs();
});

test("input goes in, both outputs and the code come out", async () => {
	const argv = node("process.stdin.pipe(process.stdout); console.error('e'); process.exitCode = 9");
	expect(await runChild({ argv, input: "hello" })).toEqual({
		code: 9,
		signal: null,
		stdout: "hello",
		stderr: "e\n",
	});
});

test("a line is found when it comes, and again later", async () => {
	const child = await startChild({
		argv: node("setTimeout(() => console.error('ready 1'), 20); setInterval(() => {}, 1000)"),
	});
	expect(await child.line(/ready/)).toBe("ready 1");
	expect(await child.line(/ready \d/)).toBe("ready 1");
});

test("a line that never comes is an error, by time or by the program's end", async () => {
	const silent = await startChild({ argv: node("setInterval(() => {}, 1000)") });
	await expect(silent.line(/x/, 20)).rejects.toThrow(/no line/);
	const short = await startChild({ argv: node("console.log('y')") });
	await expect(short.line(/x/)).rejects.toThrow(/ended without/);
});

test("output is bounded", async () => {
	const argv = node("process.stdout.write('a'.repeat(5000) + 'end')");
	const child = await startChild({ argv, keepBytes: 100 });
	await child.ended();
	expect(child.stdout()).toHaveLength(100);
	expect(child.stdout().endsWith("end")).toBe(true);
});

test("kill ends the program only, stop also what it started", async () => {
	const grandchild = `require("child_process").spawn(process.execPath,
		["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" })`;
	const child = await startChild({
		argv: node(`console.log("pid " + ${grandchild}.pid); setInterval(() => {}, 1000)`),
	});
	const pid = Number((await child.line(/^pid/)).slice(4));
	child.kill();
	expect(await child.ended()).toEqual({ code: null, signal: "SIGKILL" });
	expect([isRunning(child.pid), isRunning(pid)]).toEqual([false, true]);
	await child.stop();
	await vi.waitFor(() => expect(isRunning(pid)).toBe(false));
});

test("a program that stays is an error after the limit, and is killed", async () => {
	const argv = node("setInterval(() => {}, 1000)");
	await expect(runChild({ argv, limitMs: 50 })).rejects.toThrow(/has not ended/);
});

test("a program that is not there is an error", async () => {
	await expect(startChild({ argv: ["/nowhere/program"] })).rejects.toThrow(/ENOENT/);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends what a process has started", async (signal) => {
	const module = JSON.stringify(new URL("./child-process.ts", import.meta.url).href);
	const program = `
		const { startChild } = await import(${module});
		const argv = [process.execPath, "-e", "setInterval(() => {}, 1000)"];
		console.log("pid " + (await startChild({ argv })).pid);`;
	const flags = ["--import", "tsx", "--input-type=module", "-e", program];
	const parent = await startChild({ argv: [process.execPath, ...flags] });
	const pid = Number((await parent.line(/^pid/)).slice(4));
	parent.kill(signal);
	expect((await parent.ended()).signal).toBe(signal);
	await vi.waitFor(() => expect(isRunning(pid)).toBe(false));
});
