import { mkdir, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { BatonError } from "@baton/core/error";
import { systemClock } from "@baton/io/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../outcome.ts";
import { scratchFolder } from "../testing.ts";
import { controlAddress } from "./address.ts";
import { askWatcher } from "./ask-watcher.ts";
import { type AnswerControl, type ControlServer, serveControl } from "./server.ts";

const STATUS = { v: 1, type: "status" } as const;
const TAKE_BACK = { v: 1, type: "take-back", host: "myvps", force: false } as const;
const OUTCOME: Outcome = { result: "nothing-under-way", host: "myvps" };

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let server: ControlServer | undefined;
const address = () => controlAddress(folder.path);

beforeEach(async () => {
	folder = await scratchFolder();
});
afterEach(async () => {
	await server?.close();
	server = undefined;
	await folder.remove();
});

async function serve(answer: AnswerControl): Promise<void> {
	server = await serveControl(address(), systemClock, answer);
}

function ask(
	tell: (text: string) => void = () => undefined,
	signal = new AbortController().signal,
) {
	return askWatcher(address(), TAKE_BACK, systemClock, tell, signal);
}

describe("a request", () => {
	test("gets its news and then its outcome", async () => {
		await serve(async (request, tell) => {
			tell(request.type);
			tell("two");
			return { type: "done", outcomes: [OUTCOME] };
		});
		const news: string[] = [];
		expect(await ask((text) => news.push(text))).toEqual({ type: "done", outcomes: [OUTCOME] });
		expect(news).toEqual(["take-back", "two"]);
	});

	test("fails as it failed there, and unforeseen faults tell nothing", async () => {
		await serve(() => Promise.reject(new BatonError("usage", "no such host", { hint: "look" })));
		await expect(ask()).rejects.toMatchObject({ code: "usage", hint: "look" });
		await server?.close();
		await serve(() => Promise.reject(new Error("sk-ant-secret")));
		const error: unknown = await ask().catch((caught: unknown) => caught);
		expect(error).toMatchObject({ code: "internal" });
		expect(String(error)).not.toContain("sk-ant");
	});

	test("finds nobody where nothing listens, be it after a kill", async () => {
		expect(await ask()).toBeUndefined();
		await serve(async () => ({ type: "done", outcomes: [] }));
		await server?.close();
		server = undefined;
		expect(await ask()).toBeUndefined();
	});

	test("ends when the owner goes away", async () => {
		await serve(() => new Promise(() => undefined));
		const asked = ask();
		await systemClock.sleep(50);
		await server?.close();
		server = undefined;
		await expect(asked).rejects.toMatchObject({ code: "service-unavailable" });
	});

	test("that is given up is heard of by the owner", async () => {
		const gone = new Promise<void>((resolve) => {
			void serve(async (_request, _tell, signal) => {
				signal.addEventListener("abort", () => resolve());
				return await new Promise(() => undefined);
			});
		});
		const stop = new AbortController();
		await systemClock.sleep(20);
		const asked = ask(undefined, stop.signal);
		await systemClock.sleep(50);
		stop.abort("enough");
		await expect(asked).rejects.toBe("enough");
		await gone;
	});
});

describe("the socket", () => {
	test("is the owner's alone", async () => {
		await serve(async () => ({ type: "done", outcomes: [] }));
		expect((await stat(address())).mode & 0o777).toBe(0o600);
	});

	test.each([
		["rubbish", "rubbish\n"],
		["another version", `${JSON.stringify({ ...STATUS, v: 2 })}\n`],
		["an endless line", "x".repeat(70_000)],
	])("answers %s with a failure and goes on", async (_what, bytes) => {
		await serve(async () => ({ type: "done", outcomes: [OUTCOME] }));
		const reply = await new Promise<string>((resolve) => {
			const socket = connect(address());
			let heard = "";
			socket.on("data", (data) => {
				heard += data.toString();
			});
			socket.on("error", () => undefined);
			socket.on("close", () => resolve(heard));
			socket.write(bytes);
		});
		expect(JSON.parse(reply)).toMatchObject({ type: "failed", code: "bad-message" });
		expect(await ask()).toMatchObject({ type: "done" });
	});

	test("needs a path that a socket can have", async () => {
		const deep = join(folder.path, "x".repeat(100));
		await mkdir(deep);
		expect(() => controlAddress(deep)).toThrow(expect.objectContaining({ code: "unsafe-path" }));
	});
});
