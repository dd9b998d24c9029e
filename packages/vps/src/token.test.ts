import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@baton/io/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ControlAnswer, NoTokenReason } from "./control-message.ts";
import { CONTROL_SOCKET } from "./state-folder.ts";
import { token } from "./token.ts";

let folder: string;
let server: Server;
let answer: ControlAnswer;

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "batond-token-"));
	server = createServer((socket) => {
		socket.once("data", () => socket.end(`${JSON.stringify(answer)}\n`));
	});
	await new Promise<void>((resolve) => server.listen(join(folder, CONTROL_SOCKET), resolve));
});
afterEach(() => {
	server.close();
	rmSync(folder, { recursive: true, force: true });
});

function ask(json = false) {
	const about = { stateFolder: folder, name: "default", minValidMs: 60_000, clock: systemClock };
	return token({ ...about, json });
}

test("a living one is printed and nothing else; one that ends too soon is not", async () => {
	const whole = { v: 1, type: "token", name: "default", accessToken: "a1", generation: 1 } as const;
	answer = { ...whole, expiresAt: Date.now() + 3_600_000 };
	expect(await ask()).toEqual({ stdout: "a1\n", stderr: "", code: 0 });
	answer = { ...whole, expiresAt: Date.now() + 5_000 };
	expect(await ask()).toMatchObject({ stdout: "", code: 9 });
});

test.each<[NoTokenReason, number, RegExp]>([
	["needs-login", 10, /it needs a login/],
	["out-of-reach", 13, /the login is held, but the provider is out of reach/],
	["refused", 13, /the provider refuses/],
	["unanswered", 13, /whose account/],
	["waiting", 13, /the provider has yet to answer/],
	["sinks", 1, /a sink cannot be written/],
	["not-saved", 1, /cannot save/],
])("without one, as %s, it ends with %d and says so", async (reason, code, words) => {
	answer = { v: 1, type: "no-token", name: "default", state: "held", reason };
	const said = await ask();
	expect(said).toMatchObject({ stdout: "", code });
	expect(said.stderr).toMatch(words);
	expect(said.stderr).toMatch(/^next: /m);
	const { stdout } = await ask(true);
	expect(JSON.parse(stdout)).toEqual({ ok: false, name: "default", state: "held", reason });
});
