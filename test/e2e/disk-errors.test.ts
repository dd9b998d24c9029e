/**
 * The disk refuses while the service runs, in each way a disk can: what cannot be written down is not
 * sent, nothing is lost or spent twice, and it goes on by itself once the disk does.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Child, startChild, stopAllChildren } from "../parts/child-process.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { mountSmallDisk, type SmallDisk, smallDiskMissing } from "../parts/small-disk.ts";
import { type BatondHost, handOver, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

const STRACE = "/usr/bin/strace";
const PRLIMIT = "/usr/bin/prlimit";

let provider: OAuthServer;
let host: BatondHost;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 30 });
	// A sink would be found wanting first, and nothing be written down at all.
	const names = { default: { sinks: {} } };
	host = makeBatondHost(provider, { refresh: { before: "15s" }, names });
});
afterEach(async () => {
	await stopAllChildren();
	await provider.close();
	host.scratch.remove();
});

const generation = async () => (await host.status()).generation as number;

/** The refresh that comes due is held back, and follows once the disk takes it. */
async function survives(
	service: Child,
	fails: () => Promise<() => Promise<void>>,
	reason: RegExp,
): Promise<void> {
	const before = await generation();
	const mend = await fails();
	await service.line(/the state cannot be saved/, 40_000);
	expect(service.stderr() + service.stdout()).toMatch(reason);
	expect(await provider.presentations()).toHaveLength(before);
	await mend();
	await service.line(/the state can be saved again/, 20_000);
	await until("it is refreshed", async () => (await generation()) > before, Boolean, 40_000);
	expect(await provider.spentTwice()).toEqual([]);
	expect((await host.status()).state).toBe("held");
	const { stdout } = await host.run("token");
	expect(await provider.liveAccess(stdout.trim())).toBeDefined();
	expect(service.exit()).toBeUndefined();
}

async function holding(): Promise<Child> {
	const service = await host.serve();
	await handOver(host, await provider.mintLogin());
	return service;
}

describe("while it runs", () => {
	test.skipIf(!existsSync(PRLIMIT))("no file descriptor is left", async () => {
		const service = await holding();
		const limit = (files: string) =>
			execFileSync(PRLIMIT, ["--pid", String(service.pid), `--nofile=${files}`]);
		await survives(
			service,
			async () => {
				limit("3:");
				return async () => void limit("1024:");
			},
			/too many files open/,
		);
	});

	test.skipIf(!existsSync(STRACE) || process.getuid?.() !== 0)(
		"the disk reports errors when it is to sync",
		async () => {
			const service = await holding();
			await survives(
				service,
				async () => {
					const inject = ["-e", "trace=fsync", "-e", "inject=fsync:error=EIO"];
					const argv = [STRACE, "-f", "-p", String(service.pid), "-o", "/dev/null", ...inject];
					const strace = await startChild({ argv: argv as [string, ...string[]] });
					await strace.line(/attached/);
					return async () => {
						strace.kill("SIGINT");
						await strace.ended();
					};
				},
				/the disk reports an error/,
			);
		},
	);

	test.skipIf(smallDiskMissing() !== undefined)("the file system turns read-only", async () => {
		mkdirSync(host.stateFolder, { mode: 0o700 });
		const disk: SmallDisk = mountSmallDisk(host.stateFolder);
		const service = await holding();
		await survives(
			service,
			async () => {
				disk.setReadOnly(true);
				return async () => disk.setReadOnly(false);
			},
			/read-only/,
		);
	});
});

describe("at the start", () => {
	test.skipIf(smallDiskMissing() !== undefined)(
		"full or read-only: it does not start, says why, and starts once it can",
		async () => {
			mkdirSync(host.stateFolder, { mode: 0o700 });
			const disk = mountSmallDisk(host.stateFolder);
			disk.fill();
			const full = await host.run("serve");
			expect([full.code, full.stderr]).toEqual([1, expect.stringContaining("the disk is full")]);
			expect(full.stderr).toContain("next: free some space");
			disk.free();
			disk.setReadOnly(true);
			const readOnly = await host.run("serve");
			expect([readOnly.code, readOnly.stderr]).toEqual([1, expect.stringContaining("read-only")]);
			disk.setReadOnly(false);
			await host.serve();
			expect((await host.status()).state).toBe("none");
		},
	);

	test.skipIf(process.getuid?.() !== 0)("state of another user is left to that user", async () => {
		mkdirSync(host.stateFolder, { mode: 0o700 });
		execFileSync("/bin/chown", ["12345", host.stateFolder]);
		const { code, stderr } = await host.run("serve");
		expect([code, stderr]).toEqual([1, expect.stringContaining("belongs to another user")]);
		expect(readdirSync(host.stateFolder)).toEqual([]);
	});
});
