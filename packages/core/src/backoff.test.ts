import { describe, expect, test } from "vitest";
import {
	backoffDelay,
	CUSTODY_BACKOFF,
	HOST_BACKOFF,
	LONGEST_SINK_WAIT,
	PROBE_BACKOFF,
	PROVIDER_BACKOFF,
	SINK_BACKOFF,
	STORE_BACKOFF,
} from "./backoff.ts";

const TABLES = {
	CUSTODY_BACKOFF,
	HOST_BACKOFF,
	PROBE_BACKOFF,
	PROVIDER_BACKOFF,
	SINK_BACKOFF,
	STORE_BACKOFF,
};

describe.each(Object.entries(TABLES))("%s", (_name, table) => {
	test("waits, and longer each time", () => {
		expect(table[0]).toBeGreaterThan(0);
		expect([...table].sort((a, b) => a - b)).toEqual(table);
		expect(new Set(table).size).toBe(table.length);
	});
});

test.each<[attempts: number, random: number, delay: number]>([
	[1, 0, 5_000],
	[2, 0, 15_000],
	[3, 0, 30_000],
	[4, 0, 30_000],
	[1_000_000, 0, 30_000],
	[0, 0, 5_000],
	[-3, 0, 5_000],
	[1, 1, 6_000],
	[1, 0.5, 5_500],
])("attempt %d with chance %d waits %d ms", (attempts, random, delay) => {
	expect(backoffDelay(PROVIDER_BACKOFF, attempts, random)).toBe(delay);
});

test("no attempt at a sink is put off longer than is said", () => {
	for (let attempts = 1; attempts < 10; attempts += 1) {
		expect(backoffDelay(SINK_BACKOFF, attempts, 1)).toBeLessThanOrEqual(LONGEST_SINK_WAIT);
	}
});
