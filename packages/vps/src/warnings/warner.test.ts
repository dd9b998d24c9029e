import { type Matter, NO_WARNINGS, type WarningMemory } from "@baton/core/decide-warnings";
import { MINUTE, SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { type FakeClock, fakeClock } from "@baton/io/clock";
import type { Log } from "@baton/io/log";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OutgoingMessage, Outlet } from "./outlet.ts";
import { Warner } from "./warner.ts";

const LOST: Matter = {
	key: "default/login",
	news: "x.1",
	name: "default",
	what: "needs-login",
	text: "needs a new login",
	next: "make one",
	over: "has a login again",
	patience: 0,
};

let clock: FakeClock;
let matters: readonly Matter[];
let sent: OutgoingMessage[];
let saved: WarningMemory;
/** What the disk and the outlet do: nothing wrong unless a test says so. */
let save: (memory: WarningMemory) => Promise<void>;
let take: () => Promise<void>;
let logged: string[];
let stop: AbortController;
let warner: Warner;

const log = new Proxy({} as Log, {
	get: (_target, level) => (event: string) => logged.push(`${String(level)} ${event}`),
});

const phone: Outlet = {
	name: "phone",
	async send(message) {
		sent.push(message);
		await take();
	},
};

beforeEach(() => {
	clock = fakeClock();
	matters = [];
	sent = [];
	logged = [];
	saved = NO_WARNINGS;
	save = async (memory) => {
		saved = memory;
	};
	take = async () => {};
	stop = new AbortController();
});

afterEach(() => stop.abort());

function start(outlets: readonly Outlet[] = [phone]): void {
	warner = new Warner({
		outlets,
		store: { load: async () => saved, save: (memory) => save(memory) },
		memory: saved,
		matters: () => matters,
		host: "vps1",
		clock,
		log,
	});
	void warner.run(stop.signal);
}

test("a warning goes out at once when it is woken, in words and in fields", async () => {
	start();
	await clock.advance(0);
	matters = [LOST];
	warner.wake();
	await clock.advance(0);
	expect(sent).toEqual([
		{
			kind: "warning",
			id: "default/login/x.1",
			host: "vps1",
			name: "default",
			what: "needs-login",
			text: "batond on vps1, login default: needs a new login; next: make one",
			next: "make one",
			at: new Date(clock.now()).toISOString(),
		},
	]);
	await clock.advance(MINUTE);
	expect(sent).toHaveLength(1);
	expect(saved.outboxes.phone?.messages).toEqual([]);
	expect(warner.outlets).toEqual([{ name: "phone", waiting: 0, missed: 0 }]);
});

test("that it is over goes out too", async () => {
	matters = [LOST];
	start();
	await clock.advance(MINUTE);
	matters = [];
	await clock.advance(10 * MINUTE);
	expect(sent.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
		expect.stringMatching(/^warning /),
		"over batond on vps1, login default: over: has a login again",
	]);
});

test("one that fails is tried again, and how it fares can be seen", async () => {
	matters = [LOST];
	take = async () => {
		throw new BatonError("command-failed", "the webhook answered 500");
	};
	start();
	await clock.advance(SECOND);
	expect(warner.outlets).toEqual([
		{ name: "phone", waiting: 1, missed: 0, trouble: "the webhook answered 500" },
	]);
	take = async () => {};
	await clock.advance(15 * SECOND);
	expect(sent).toHaveLength(2);
	expect(warner.outlets).toEqual([{ name: "phone", waiting: 0, missed: 0 }]);
});

test("a fault that is none of ours is not quoted", async () => {
	matters = [LOST];
	take = async () => {
		throw new Error("CANARY");
	};
	start();
	await clock.advance(SECOND);
	expect(JSON.stringify([warner.outlets, logged])).not.toContain("CANARY");
	expect(warner.outlets[0]?.trouble).toBe("failed for an unknown reason");
});

test("it is on the disk before it goes out", async () => {
	let durable: () => void = () => {};
	save = () => new Promise((resolve) => (durable = resolve));
	matters = [LOST];
	start();
	await clock.advance(SECOND);
	expect(sent).toEqual([]);
	durable();
	await clock.advance(0);
	expect(sent).toHaveLength(1);
});

test("a disk that never answers keeps no warning in", async () => {
	save = () => new Promise(() => {});
	matters = [LOST];
	start();
	await clock.advance(6 * SECOND);
	expect(sent).toHaveLength(1);
});

test("a full disk keeps no warning in; it is saved once it can be", async () => {
	save = async () => {
		throw new BatonError("disk-failed", "the disk is full");
	};
	matters = [LOST];
	start();
	await clock.advance(2 * MINUTE);
	expect(sent).toHaveLength(1);
	expect(logged.filter((line) => line.startsWith("failure"))).toHaveLength(1);
	save = async (memory) => {
		saved = memory;
	};
	await clock.advance(MINUTE);
	expect(saved.told).toHaveProperty(["default/login"]);
});

test("an outlet that hangs holds up no other", async () => {
	const mail: Outlet = { name: "mail", send: () => new Promise(() => {}) };
	matters = [LOST];
	start([mail, phone]);
	await clock.advance(SECOND);
	matters = [LOST, { ...LOST, key: "default/saving" }];
	await clock.advance(MINUTE);
	expect(sent).toHaveLength(2);
});

test("a test message goes out once by each outlet, whatever stands, and says what came of it", async () => {
	const broken: Outlet = {
		name: "broken",
		send: async () => {
			throw new BatonError("command-failed", "tell ended with 3", { hint: "run it by hand" });
		},
	};
	start([broken, phone]);
	expect(await warner.test()).toEqual([
		{ name: "broken", trouble: "tell ended with 3", hint: "run it by hand" },
		{ name: "phone" },
	]);
	expect(sent).toMatchObject([{ kind: "test", host: "vps1" }]);
	await clock.advance(MINUTE);
	expect(sent).toHaveLength(1);
});

test("with nobody to tell nothing is remembered as told", async () => {
	matters = [LOST];
	start([]);
	await clock.advance(MINUTE);
	expect(saved).toBe(NO_WARNINGS);
});
