import { PassThrough } from "node:stream";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { fakeClock } from "@baton/io/clock";
import { createLog } from "@baton/io/log";
import { expect, test } from "vitest";
import { keepListening } from "./keep-listening.ts";

const TAKEN = new BatonError("unsafe-path", "/s/control.sock is there and is not a socket");
const REPLACED = new BatonError("already-running", "process 7 already serves /s");

function ears() {
	const clock = fakeClock();
	const stream = new PassThrough();
	const said: string[] = [];
	stream.on("data", (line) => said.push(JSON.parse(line).msg));
	const world = { looks: 0, sign: undefined as Error | undefined, next: false as boolean | Error };
	const stop = new AbortController();
	const done = keepListening(
		{
			clock,
			log: createLog({ stream, env: {} }),
			async stillAlone() {
				if (world.sign !== undefined) throw world.sign;
			},
			sockets: {
				async look() {
					world.looks += 1;
					if (world.next instanceof Error) throw world.next;
					return world.next;
				},
			},
		},
		stop.signal,
	);
	return { clock, said, world, stop, done };
}

test("it looks every five seconds, says what it did, and ends when it is stopped", async () => {
	const { clock, said, world, stop, done } = ears();
	await clock.advance(60 * SECOND);
	expect([world.looks, said]).toEqual([12, []]);
	world.next = true;
	await clock.advance(5 * SECOND);
	expect(said).toEqual(["a socket of the service was gone; it listens anew"]);
	stop.abort();
	await done;
	expect(clock.sleepers).toBe(0);
});

test("a trouble is told once, and anew when it was over; of one socket it hinders no other", async () => {
	const { clock, said, world, stop, done } = ears();
	world.next = TAKEN;
	await clock.advance(60 * SECOND);
	expect(said).toEqual(["a socket cannot be had; looking again"]);
	world.next = false;
	await clock.advance(5 * SECOND);
	world.sign = TAKEN;
	await clock.advance(60 * SECOND);
	expect(said).toHaveLength(2);
	expect(world.looks).toBe(25);
	stop.abort();
	await done;
});

test("another service in its place ends it, at once", async () => {
	const { clock, world, done } = ears();
	world.sign = REPLACED;
	const ended = expect(done).rejects.toBe(REPLACED);
	await clock.advance(5 * SECOND);
	await ended;
	expect(world.looks).toBe(0);
});
