import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SECOND } from "@baton/core/duration";
import { systemClock } from "@baton/io/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { STRAIGHT } from "../engines/route.ts";
import { execOutlet } from "./exec-outlet.ts";
import type { OutgoingMessage } from "./outlet.ts";
import { webhookOutlet } from "./webhook-outlet.ts";

const MESSAGE: OutgoingMessage = {
	kind: "warning",
	id: "default/login/x.1",
	host: "vps1",
	name: "default",
	what: "needs-login",
	text: "batond on vps1, login default: needs a new login",
	at: "2026-11-21T12:00:00.000Z",
};

let folder: string;

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "baton-outlets-"));
});

afterEach(async () => {
	await rm(folder, { recursive: true });
});

describe("webhook", () => {
	let server: Server;
	let url: string;
	let answer: (response: ServerResponse, request: IncomingMessage) => void;
	let heard: { url: string | undefined; headers: IncomingMessage["headers"]; body: string }[];

	beforeEach(async () => {
		heard = [];
		answer = (response) => response.writeHead(204).end();
		server = createServer(async (request, response) => {
			let body = "";
			for await (const chunk of request) body += chunk;
			heard.push({ url: request.url, headers: request.headers, body });
			answer(response, request);
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/CANARY-path`;
	});

	afterEach(() => {
		server.closeAllConnections();
		server.close();
	});

	function hook(more: Partial<Parameters<typeof webhookOutlet>[0]> = {}) {
		return webhookOutlet({
			name: "w",
			url,
			header: undefined,
			timeoutMs: 5 * SECOND,
			route: STRAIGHT,
			...more,
		});
	}

	test("posts the message as JSON", async () => {
		await hook().send(MESSAGE);
		expect(heard).toHaveLength(1);
		expect(heard[0]?.headers["content-type"]).toBe("application/json");
		expect(JSON.parse(heard[0]?.body ?? "")).toEqual(MESSAGE);
	});

	test("sends the header whose value lies in a file, as it is at that moment", async () => {
		const file = join(folder, "secret");
		const outlet = hook({ header: { name: "Authorization", file } });
		await writeFile(file, "Bearer one\n");
		await outlet.send(MESSAGE);
		await writeFile(file, "Bearer two\n");
		await outlet.send(MESSAGE);
		expect(heard.map(({ headers }) => headers.authorization)).toEqual(["Bearer one", "Bearer two"]);
	});

	test.each([
		["is missing", undefined],
		["holds no header's value", "one\nX-More: two"],
		["holds no header's value", ""],
	])("with a header's file that %s nothing is sent", async (what, content) => {
		const file = join(folder, "secret");
		if (content !== undefined) await writeFile(file, content);
		const sending = hook({ header: { name: "X-Key", file } }).send(MESSAGE);
		await expect(sending).rejects.toThrow(`${file} ${what}`);
		expect(heard).toEqual([]);
	});

	test.each([
		["refuses", 500, {}, "the webhook answered 500"],
		[
			"sends elsewhere",
			302,
			{ location: "/elsewhere" },
			"the webhook answered 302, and no redirect is followed",
		],
	])(
		"one that %s has not taken it, and its address is not named",
		async (_what, code, head, why) => {
			answer = (response) => response.writeHead(code, head).end();
			await expect(hook().send(MESSAGE)).rejects.toThrow(
				expect.objectContaining({ message: why, code: "command-failed" }),
			);
			expect(heard).toHaveLength(1);
		},
	);

	test("one that says nothing is given up in time", async () => {
		answer = () => {};
		const sending = hook({ timeoutMs: 300 }).send(MESSAGE);
		await expect(sending).rejects.toThrow("the webhook gave no answer in time");
	});

	test("one that is not there", async () => {
		await new Promise((resolve) => server.close(resolve));
		await expect(hook().send(MESSAGE)).rejects.toThrow("the webhook cannot be reached");
	});
});

describe("exec", () => {
	async function script(text: string) {
		const path = join(folder, "tell");
		await writeFile(path, `#!/bin/sh\n${text}\n`);
		await chmod(path, 0o700);
		const environment = { PATH: process.env.PATH, HOME: folder, CANARY: "secret" };
		const timeoutMs = 5 * SECOND;
		const command = [path, "an argument; with no shell"] as const;
		return execOutlet({ name: "e", command, timeoutMs, environment, clock: systemClock });
	}

	test("gives the message on standard input, and little else", async () => {
		const outlet = await script(
			'cat > "$HOME/heard"; env > "$HOME/env"; echo "$1" > "$HOME/argument"',
		);
		await outlet.send(MESSAGE);
		expect(JSON.parse(await readFile(join(folder, "heard"), "utf8"))).toEqual(MESSAGE);
		expect(await readFile(join(folder, "env"), "utf8")).not.toContain("CANARY");
		expect(await readFile(join(folder, "argument"), "utf8")).toBe("an argument; with no shell\n");
	});

	test("another exit code than 0 has not taken it", async () => {
		const outlet = await script("exit 3");
		await expect(outlet.send(MESSAGE)).rejects.toThrow(/tell ended with 3$/);
	});
});
