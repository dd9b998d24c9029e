import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import { isAlive, isGone, processStart } from "./process-alive.ts";

it("knows this process", () => {
	expect(isAlive(process.pid)).toBe(true);
	expect(isAlive(process.pid, processStart(process.pid))).toBe(true);
	expect(isGone(process.pid)).toBe(false);
});

it.skipIf(process.platform === "win32")("knows that an id was given to another", () => {
	expect(isAlive(process.pid, "1")).toBe(false);
});

it("knows that one is gone, and what was never one", () => {
	expect(isAlive(spawnSync(process.execPath, ["-e", ""]).pid)).toBe(false);
	expect(isGone(spawnSync(process.execPath, ["-e", ""]).pid)).toBe(true);
	for (const pid of [0, -1, 1.5, Number.NaN]) {
		expect([isAlive(pid), isGone(pid)]).toEqual([false, false]);
	}
});

it.runIf(process.platform === "linux")("counts a zombie as dead, and not as gone", async () => {
	// A shell that became `sleep` never collects its child.
	const argv = ["-c", "sleep 0.2 & echo $!; exec sleep 20"];
	const parent = spawn("sh", argv, { stdio: ["ignore", "pipe", "ignore"] });
	try {
		const pid = Number(String((await once(parent.stdout, "data"))[0]));
		await vi.waitFor(() => {
			expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toContain(") Z ");
		});
		expect([isAlive(pid), processStart(pid), isGone(pid)]).toEqual([false, undefined, false]);
	} finally {
		parent.kill("SIGKILL");
		await once(parent, "exit");
	}
});
