import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Request } from "@baton/core/protocol";
import { systemClock } from "@baton/io/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Custodian, Reply } from "./custodian.ts";
import { DeviceBook } from "./device-book.ts";
import { converse } from "./device-conversation.ts";

let folder: string;
let devices: DeviceBook;
let server: Server;
/** Requests that came as far as the custodian, each answered when the test says so. */
let asked: { id: string; answer: () => void }[];

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "batond-talk-"));
	devices = await DeviceBook.open(join(folder, "devices.json"), systemClock);
	asked = [];
	const request = (_device: string, { id }: Request) =>
		new Promise<Reply>((resolve) => {
			const body = { type: "unavailable", reason: "test" } as const;
			asked.push({ id, answer: () => resolve({ body, disarm: [] }) });
		});
	const custodians = new Map([["default", { request } as unknown as Custodian]]);
	const stopping = new AbortController().signal;
	server = createServer((socket) => {
		socket.on("error", () => {});
		void converse(socket, { clock: systemClock, custodians, devices, stopping });
	});
	server.listen(join(folder, "s"));
	await once(server, "listening");
});
afterEach(() => {
	server.close();
	rmSync(folder, { recursive: true });
});

/** A device that has said all this in one piece. */
async function speak(...ids: string[]): Promise<Socket> {
	const socket = connect(join(folder, "s")).on("error", () => {});
	const lines = ids.map((id) => ({ v: 1, id, type: "status" }));
	const header = { v: 1, type: "device", device: "laptop" };
	socket.write([header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""));
	return socket;
}

const ids = () => asked.map(({ id }) => id);

test("one request after the other, and each is remembered as contact", async () => {
	const socket = await speak("one", "two");
	await expect.poll(ids).toEqual(["one"]);
	expect(devices.facts()).toMatchObject([{ device: "laptop", open: 1 }]);
	asked[0]?.answer();
	await expect.poll(ids).toEqual(["one", "two"]);
	socket.destroy();
	await expect.poll(() => devices.openOf("laptop")).toBe(0);
});

test("what a device had sent before it was forgotten, and was not looked at yet, is not heard", async () => {
	const socket = await speak("one", "two");
	await expect.poll(ids).toEqual(["one"]);
	const closed = once(socket, "close");
	socket.resume();
	await devices.forget("laptop", join(folder, "authorized_keys"));
	asked[0]?.answer();
	await closed;
	await expect.poll(() => devices.openOf("laptop")).toBe(0);
	expect(ids()).toEqual(["one"]);
});
