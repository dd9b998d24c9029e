import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
	existsSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmdirSync,
	rmSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type HeldLocks, withClaudeLocks } from "./claude-locks.ts";
import { fakeClock, systemClock } from "./clock.ts";
import { processStart } from "./process-alive.ts";

let home: string;
let folder: string;
let locks: [refresh: string, legacy: string, store: string];
let owner: string;
let record: string;
beforeEach(() => {
	home = mkdtempSync(join(tmpdir(), "baton-"));
	folder = join(home, ".claude");
	mkdirSync(folder);
	locks = [
		join(folder, ".oauth_refresh.lock"),
		join(home, ".claude.lock"),
		join(folder, ".storage-write.lock"),
	];
	owner = join(folder, ".oauth_refresh.lock.owner");
	record = join(folder, ".baton-locks");
});
afterEach(() => rmSync(home, { recursive: true }));

const START = 1_800_000_000_000;

/** Sets what another process would: a lock last touched at `at` (ms). */
function lockedAt(path: string, at: number): void {
	mkdirSync(path, { recursive: true });
	utimesSync(path, at / 1000, at / 1000);
}

/** Asks for the locks and says what came of it so far. */
function ask(clock = fakeClock(START), options = {}) {
	let finish = () => {};
	const state: { held?: HeldLocks; outcome?: unknown } = {};
	const asked = withClaudeLocks(folder, { clock, ...options }, (held) => {
		state.held = held;
		return new Promise<string>((resolve) => {
			finish = () => resolve("done");
		});
	}).then(
		(value) => {
			state.outcome = value;
		},
		(error: unknown) => {
			state.outcome = error;
		},
	);
	return { clock, state, asked, finish: () => finish() };
}

const nothingLeft = () => {
	expect(readdirSync(home)).toEqual([".claude"]);
	expect(readdirSync(folder)).toEqual([]);
};

describe("taking and releasing", () => {
	it("holds all three, keeps them fresh, and leaves nothing", async () => {
		const { clock, state, asked, finish } = ask();
		await clock.advance(0);
		expect(locks.map((lock) => existsSync(lock))).toEqual([true, true, true]);
		await clock.advance(14_000);
		for (const lock of locks) expect(lstatSync(lock).mtimeMs).toBe(START + 10_000);
		state.held?.assertHeld();
		for (const lock of locks) expect(lstatSync(lock).mtimeMs).toBe(START + 14_000);
		finish();
		await asked;
		expect(state.outcome).toBe("done");
		expect(clock.sleepers).toBe(0);
		nothingLeft();
	});

	it("releases when the work fails", async () => {
		const failing = withClaudeLocks(folder, { clock: fakeClock() }, async () => {
			throw new Error("planned");
		});
		await expect(failing).rejects.toThrow("planned");
		nothingLeft();
	});

	it.runIf(process.platform === "linux")("says who holds them, as claude does", async () => {
		await withClaudeLocks(folder, { clock: fakeClock() }, async () => {
			const namespace = /pid:\[\d+\]/;
			expect(JSON.parse(readFileSync(owner, "utf8"))).toEqual({
				pid: process.pid,
				procStart: processStart(process.pid),
				pidDomain: expect.stringMatching(/^linux:[0-9a-f]*:pid:\[\d+\]$/),
				pidSpace: expect.stringMatching(namespace),
				lockBirthtimeMs: lstatSync(locks[0]).birthtimeMs,
				legacyLockBirthtimeMs: lstatSync(locks[1]).birthtimeMs,
			});
		});
	});

	it("finds the second lock beside the folder's real place", async () => {
		const link = join(home, "link");
		symlinkSync(folder, link);
		await withClaudeLocks(link, { clock: fakeClock() }, async () => {
			expect(locks.map((lock) => existsSync(lock))).toEqual([true, true, true]);
		});
	});

	it("names a folder that is missing", async () => {
		rmdirSync(folder);
		const asked = withClaudeLocks(folder, { clock: fakeClock() }, async () => {});
		await expect(asked).rejects.toMatchObject({ code: "disk-failed" });
		expect(readdirSync(home)).toEqual([]);
	});

	it("lets in one at a time", async () => {
		let inside = 0;
		const use = () =>
			withClaudeLocks(folder, { clock: systemClock }, async (held) => {
				expect(++inside).toBe(1);
				await systemClock.sleep(5);
				held.assertHeld();
				inside--;
			});
		await Promise.all([use(), use(), use()]);
		nothingLeft();
	});
});

describe("waiting", () => {
	it.each([0, 1, 2])("waits until lock %i is free", async (n) => {
		const lock = locks[n] as string;
		lockedAt(lock, START);
		const { clock, state, asked, finish } = ask();
		await clock.advance(3000);
		expect(state.held).toBeUndefined();
		rmdirSync(lock);
		await clock.advance(200);
		expect(state.held).toBeDefined();
		finish();
		await asked;
		nothingLeft();
	});

	it.each([0, 1, 2])("gives up on lock %i and releases the others", async (n) => {
		const lock = locks[n] as string;
		lockedAt(lock, START);
		const { clock, state, asked } = ask();
		await clock.advance(14_900);
		expect(state.outcome).toBeUndefined();
		for (const earlier of locks.slice(0, n)) {
			expect(lstatSync(earlier).mtimeMs).toBeGreaterThan(START + 10_000);
		}
		await clock.advance(400);
		await asked;
		expect(state.outcome).toMatchObject({
			code: "locked",
			message: `${lock} stayed locked for 15 s`,
		});
		expect(locks.filter((each) => existsSync(each))).toEqual([lock]);
		expect(existsSync(owner)).toBe(false);
	});

	it("ends when told to", async () => {
		lockedAt(locks[2], START);
		const stop = new AbortController();
		const { clock, state, asked } = ask(fakeClock(START), { signal: stop.signal });
		await clock.advance(1000);
		stop.abort(new Error("enough"));
		await asked;
		expect(state.outcome).toMatchObject({ message: "enough" });
		expect(locks.filter((each) => existsSync(each))).toEqual([locks[2]]);
	});
});

describe("an abandoned lock", () => {
	it("is broken once it was also seen untouched for 12 s", async () => {
		for (const lock of locks) lockedAt(lock, START - 61_000);
		const { clock, state, asked, finish } = ask();
		await clock.advance(11_900);
		expect(state.held).toBeUndefined();
		await clock.advance(400);
		expect(state.held).toBeDefined();
		finish();
		await asked;
		nothingLeft();
	});

	it("is not one while its age is under 60 s", async () => {
		lockedAt(locks[0], START - 44_000);
		const { clock, state, asked } = ask();
		await clock.advance(15_300);
		await asked;
		expect(state.outcome).toMatchObject({ code: "locked" });
	});

	it("is not one if its owner woke too and touches it", async () => {
		lockedAt(locks[0], START - 3_600_000);
		const { clock, asked, state } = ask();
		for (let n = 0; n < 4; n++) {
			await clock.advance(4000);
			if (state.outcome === undefined) lockedAt(locks[0], clock.now());
		}
		await asked;
		expect(state.outcome).toMatchObject({ code: "locked" });
		expect(existsSync(locks[0])).toBe(true);
	});

	it("is watched afresh after we ourselves slept", async () => {
		lockedAt(locks[0], START - 61_000);
		const { clock, state, asked, finish } = ask(undefined, { waitMs: 60_000 });
		await clock.advance(11_000);
		clock.jump(3_600_000);
		await clock.advance(11_900);
		expect(state.held).toBeUndefined();
		await clock.advance(700);
		expect(state.held).toBeDefined();
		finish();
		await asked;
	});

	it("dated in the future is broken after 60 s of watching", async () => {
		lockedAt(locks[0], START + 9e9);
		const { clock, state, asked, finish } = ask(undefined, { waitMs: 90_000 });
		await clock.advance(59_900);
		expect(state.held).toBeUndefined();
		await clock.advance(500);
		expect(state.held).toBeDefined();
		finish();
		await asked;
	});
});

describe.runIf(process.platform === "linux")("an owner on record", () => {
	/** What claude with this process id would have written. */
	async function recordOf(pid: number, procStart: string | undefined) {
		let text = "";
		await withClaudeLocks(folder, { clock: fakeClock() }, async () => {
			text = readFileSync(owner, "utf8");
		});
		for (const lock of [locks[0], locks[1]]) lockedAt(lock, START - 3_600_000);
		const born = {
			lockBirthtimeMs: lstatSync(locks[0]).birthtimeMs,
			legacyLockBirthtimeMs: lstatSync(locks[1]).birthtimeMs,
		};
		return { ...JSON.parse(text), pid, procStart, ...born };
	}

	it.each([0, 1])("that lives is never robbed of lock %i", async (n) => {
		const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
		try {
			const pid = child.pid as number;
			writeFileSync(owner, JSON.stringify(await recordOf(pid, processStart(pid))));
			for (const lock of [locks[0], locks[1]]) if (lock !== locks[n]) rmdirSync(lock);
			const { clock, state, asked } = ask(undefined, { waitMs: 100_000 });
			await clock.advance(101_000);
			await asked;
			expect(state.outcome).toMatchObject({ code: "locked" });
			expect(existsSync(locks[n] as string)).toBe(true);
		} finally {
			child.kill("SIGKILL");
			await once(child, "exit");
		}
	});

	const gone = () => spawnSync(process.execPath, ["-e", ""]).pid;
	it.each([
		["is gone", async () => await recordOf(gone(), "1")],
		["had its id given to another", async () => await recordOf(process.pid, "1")],
		[
			"is of another machine",
			async () => {
				const ours = await recordOf(process.pid, processStart(process.pid));
				return { ...ours, pidDomain: "linux:other:pid:[1]" };
			},
		],
		[
			"made another lock",
			async () => {
				const ours = await recordOf(process.pid, processStart(process.pid));
				return { ...ours, lockBirthtimeMs: 1, legacyLockBirthtimeMs: 1 };
			},
		],
		["is not told", async () => ({ ...(await recordOf(1, "1")), pid: "x" })],
	])("that %s does not keep an abandoned lock", async (_how, make) => {
		writeFileSync(owner, JSON.stringify(await make()));
		const { clock, state, asked, finish } = ask();
		await clock.advance(13_000);
		expect(state.held).toBeDefined();
		finish();
		await asked;
		nothingLeft();
	});
});

describe.runIf(process.platform === "linux")("locks that a Baton left which was killed", () => {
	interface Left {
		pid: number;
		boot: string;
		pids: string;
		locks: Record<string, string>;
	}
	const gone = () => spawnSync(process.execPath, ["-e", ""]).pid;

	/** All three, touched just now, with the record that says whose they are. */
	async function leave(change: (left: Left) => object): Promise<void> {
		const pid = gone();
		let left: Left = { pid, boot: "", pids: "", locks: {} };
		await withClaudeLocks(folder, { clock: fakeClock(START) }, async () => {
			left = { ...(JSON.parse(readFileSync(record, "utf8")) as Left), pid };
		});
		for (const lock of locks) lockedAt(lock, START);
		for (const lock of locks) {
			const { ino, birthtimeNs } = lstatSync(lock, { bigint: true });
			left.locks[basename(lock)] = `${ino}:${birthtimeNs}`;
		}
		writeFileSync(record, JSON.stringify(change(left)));
	}

	it("are broken at once, all three", async () => {
		await leave((left) => left);
		const { clock, state, asked, finish } = ask();
		await clock.advance(0);
		expect(state.held).toBeDefined();
		expect(JSON.parse(readFileSync(record, "utf8"))).toMatchObject({ pid: process.pid });
		finish();
		await asked;
		nothingLeft();
	});

	it("are gone also where they lay aside, about to be removed", async () => {
		await leave((left) => left);
		const [aside, others] = [`${locks[1]}.aaaa.gone`, `${locks[1]}.bbbb.gone`] as const;
		renameSync(locks[1], aside);
		mkdirSync(others);
		const { clock, asked, finish } = ask();
		await clock.advance(0);
		finish();
		await asked;
		expect([aside, others].map((path) => existsSync(path))).toEqual([false, true]);
		rmdirSync(others);
		nothingLeft();
	});

	it("are broken at once also if it is killed while somebody waits", async () => {
		const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
		await leave((left) => ({ ...left, pid: child.pid }));
		const { clock, state, asked, finish } = ask();
		await clock.advance(1000);
		expect(state.held).toBeUndefined();
		child.kill("SIGKILL");
		await once(child, "exit");
		await clock.advance(200);
		expect(state.held).toBeDefined();
		finish();
		await asked;
		nothingLeft();
	});

	it("are waited for while it is a zombie, which may have a write under way", async () => {
		// A shell that became `sleep` never collects its child.
		const argv = ["-c", "sleep 0.2 & echo $!; exec sleep 20"];
		const parent = spawn("sh", argv, { stdio: ["ignore", "pipe", "ignore"] });
		try {
			const pid = Number(String((await once(parent.stdout, "data"))[0]));
			await vi.waitFor(() => {
				expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toContain(") Z ");
			});
			await leave((left) => ({ ...left, pid }));
			const { clock, state, asked } = ask();
			await clock.advance(15_300);
			await asked;
			expect(state.outcome).toMatchObject({ code: "locked" });
		} finally {
			parent.kill("SIGKILL");
			await once(parent, "exit");
		}
	});

	it.each<[string, (left: Left) => object]>([
		["its id was given to another", (left) => ({ ...left, pid: process.pid })],
		["it ran before the last boot", (left) => ({ ...left, boot: "another" })],
		["it ran in another container", (left) => ({ ...left, pids: "pid:[1]" })],
		["the locks are another's, as none is named", (left) => ({ ...left, locks: {} })],
		[
			"the locks were made anew since",
			(left) => ({
				...left,
				locks: Object.fromEntries(Object.keys(left.locks).map((name) => [name, "1:1"])),
			}),
		],
		["the record is of another form", ({ pid, boot, locks }) => ({ pid, boot, locks })],
		["the record is no record", () => []],
	])("are waited for if %s", async (_why, change) => {
		await leave(change);
		const { clock, state, asked } = ask();
		await clock.advance(15_300);
		await asked;
		expect(state.outcome).toMatchObject({ code: "locked" });
		for (const lock of locks) expect(existsSync(lock)).toBe(true);
	});

	it("are waited for if the record is missing", async () => {
		await leave((left) => left);
		rmSync(record);
		const { clock, state, asked } = ask();
		await clock.advance(15_300);
		await asked;
		expect(state.outcome).toMatchObject({ code: "locked" });
	});

	it("are broken one by one: what claude has made anew since is its own", async () => {
		await leave((left) => ({ ...left, locks: { ...left.locks, [basename(locks[2])]: "1:1" } }));
		const { clock, state, asked } = ask();
		await clock.advance(1000);
		expect(state.held).toBeUndefined();
		await clock.advance(14_300);
		await asked;
		expect(state.outcome).toMatchObject({ message: `${locks[2]} stayed locked for 15 s` });
		expect(locks.filter((lock) => existsSync(lock))).toEqual([locks[2]]);
	});
});

describe("a lock taken over", () => {
	/** What claude does to a lock it finds old: at once, and the inode may come back. */
	function takeOver(lock: string, at: number): void {
		rmdirSync(lock);
		lockedAt(lock, at);
	}

	it.each([0, 1, 2])("is noticed before the write, lock %i", async (n) => {
		const { clock, state, asked, finish } = ask();
		await clock.advance(1000);
		takeOver(locks[n] as string, START + 90_000);
		expect(() => state.held?.assertHeld()).toThrow(
			expect.objectContaining({ code: "locked", hint: "nothing was written; try again" }),
		);
		expect(state.held?.lost.aborted).toBe(true);
		finish();
		await asked;
		expect(locks.filter((lock) => existsSync(lock))).toEqual([locks[n]]);
		expect(lstatSync(locks[n] as string).mtimeMs).toBe(START + 90_000);
	});

	it("is told within one touch", async () => {
		const { clock, state, asked, finish } = ask();
		await clock.advance(1000);
		rmdirSync(locks[2]);
		await clock.advance(4000);
		expect(state.held?.lost.reason).toMatchObject({ code: "locked" });
		finish();
		await asked;
		expect(state.outcome).toBe("done");
	});

	it("while waiting for the next one ends the wait", async () => {
		lockedAt(locks[2], START);
		const { clock, state, asked } = ask();
		await clock.advance(1000);
		takeOver(locks[0], START + 1000);
		await clock.advance(300);
		await asked;
		expect(state.outcome).toMatchObject({ code: "locked" });
		expect(existsSync(locks[0])).toBe(true);
		expect(existsSync(locks[1])).toBe(false);
	});
});
