import { describe, expect, it, vi } from "vitest";
import { fakeClock, systemClock } from "./clock.ts";

describe("fakeClock", () => {
	it("wakes sleepers in the order they come due, and those they start", async () => {
		const clock = fakeClock(1000);
		const woken: string[] = [];
		const note = (name: string) => () => woken.push(`${name} at ${clock.now()}`);
		const waits = [
			clock.sleep(30).then(note("c")),
			clock.sleep(10).then(note("a")),
			clock
				.sleep(20)
				.then(note("b"))
				.then(() => clock.sleep(5))
				.then(note("b2")),
		];
		await clock.advance(29);
		expect(woken).toEqual(["a at 1010", "b at 1020", "b2 at 1025"]);
		expect(clock.sleepers).toBe(1);
		await clock.advance(1);
		await Promise.all(waits);
		expect(woken.at(-1)).toBe("c at 1030");
	});

	it("steps wall time alone", async () => {
		const clock = fakeClock(1000);
		clock.jump(-400);
		await clock.advance(50);
		expect([clock.now(), clock.monotonic()]).toEqual([650, 50]);
	});

	it("ends a sleep when told to", async () => {
		const clock = fakeClock();
		const stop = new AbortController();
		const sleep = clock.sleep(10, stop.signal);
		stop.abort(new Error("enough"));
		await expect(sleep).rejects.toThrow("enough");
		await expect(clock.sleep(10, stop.signal)).rejects.toThrow("enough");
		expect(clock.sleepers).toBe(0);
	});
});

describe("systemClock", () => {
	it("sleeps longer than a Node timer can", async () => {
		vi.useFakeTimers();
		try {
			const ms = 2 ** 31 + 5000;
			let woken = false;
			const sleep = systemClock.sleep(ms).then(() => {
				woken = true;
			});
			await vi.advanceTimersByTimeAsync(ms - 1);
			expect(woken).toBe(false);
			await vi.advanceTimersByTimeAsync(1);
			await sleep;
			expect(woken).toBe(true);
		} finally {
			vi.useRealTimers();
		}
	});

	it("ends a sleep when told to, leaving no listener behind", async () => {
		const stop = new AbortController();
		const removed = vi.spyOn(stop.signal, "removeEventListener");
		await systemClock.sleep(1, stop.signal);
		expect(removed).toHaveBeenCalledOnce();
		const sleep = systemClock.sleep(60_000, stop.signal);
		stop.abort(new Error("enough"));
		await expect(sleep).rejects.toThrow("enough");
	});

	it("does not wait for nothing", async () => {
		await systemClock.sleep(0);
		await systemClock.sleep(-5);
	});
});
