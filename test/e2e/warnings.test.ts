/** What the built service tells people who look at neither machine. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findLeaks } from "../parts/canary.ts";
import { stopAllChildren } from "../parts/child-process.ts";
import { type LoopbackServer, startLoopbackServer } from "../parts/loopback-server.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { lineageOf } from "../parts/token-ledger.ts";
import { type BatondHost, handOver, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

const DAY_SECONDS = 24 * 3600;
const SECRET = "Bearer CANARY-of-the-webhook";

interface Heard {
	kind: string;
	id: string;
	name: string;
	what: string;
	text: string;
	next: string;
}

let provider: OAuthServer;
let hook: LoopbackServer;
let host: BatondHost;
let heard: { authorization: string | undefined; path: string | undefined; message: Heard }[];

beforeEach(async () => {
	heard = [];
	provider = await startOAuthServer({ accessTokenSeconds: 600 });
	hook = await startLoopbackServer(async (request, response) => {
		const { authorization } = request.headers;
		const message = JSON.parse(await text(request)) as Heard;
		heard.push({ authorization, path: request.url, message });
		response.writeHead(204).end();
	});
	host = makeBatondHost(provider, {
		timing: { requestLimit: "40s", deadConfirm: "500ms", witnessWait: "2s" },
		warnings: {
			chat: {
				type: "webhook",
				url: `${hook.url}/hooks/CANARY-path`,
				header: { name: "Authorization", file: "~/config/chat.secret" },
			},
		},
	});
	writeFileSync(join(host.configFolder, "chat.secret"), `${SECRET}\n`, { mode: 0o600 });
});

afterEach(async () => {
	await stopAllChildren();
	await Promise.all([provider.close(), hook.close()]);
	host.scratch.remove();
});

interface Outlet {
	name: string;
	waiting: number;
	trouble?: string;
}

async function outlets(): Promise<Outlet[]> {
	const { stdout } = await host.run("status", "--json");
	return (JSON.parse(stdout || "{}") as { warnings?: Outlet[] }).warnings ?? [];
}

test("a webhook that is down and a service that is killed: told once it can be, and once only", async () => {
	await hook.down();
	const service = await host.serve();
	await handOver(host, await provider.mintLogin({ refreshTokenDeadlineSeconds: 6 * DAY_SECONDS }));
	await until("an attempt has failed", outlets, ([chat]) => chat?.trouble !== undefined);
	expect(await outlets()).toEqual([
		{ name: "chat", waiting: 1, missed: 0, trouble: "the webhook cannot be reached" },
	]);
	expect((await host.run("check", "--within", "1m")).code).toBe(0);
	service.kill("SIGKILL");
	await service.ended();

	await hook.up();
	for (const round of [1, 2]) {
		const again = await host.serve();
		await until("nothing waits", outlets, ([chat]) => chat?.waiting === 0);
		expect([round, heard.length]).toEqual([round, 1]);
		again.kill("SIGKILL");
		await again.ended();
		expect(again.stdout() + again.stderr()).not.toContain("CANARY");
	}
	expect(heard).toMatchObject([
		{
			authorization: SECRET,
			path: "/hooks/CANARY-path",
			message: {
				kind: "warning",
				name: "default",
				what: "deadline-near",
				text: expect.stringMatching(/^batond on .*, login default: the login ends in 5 days, /),
				next: expect.stringContaining("baton login"),
			},
		},
	]);
	const paths = [host.stateFolder];
	expect(
		findLeaks({ pattern: /CANARY-(path|of-the-webhook)/, texts: {}, paths, allowed: [] }),
	).toEqual([]);
});

test("a login that was ended elsewhere: what most likely happened goes out, without a token", async () => {
	await provider.change({ accessTokenSeconds: 4 });
	await host.serve();
	const login = await provider.mintLogin();
	await handOver(host, login);
	await provider.revokeLogin(lineageOf(login.refreshToken));
	await until("it is told", () => heard.length > 0);
	expect(heard.map(({ message }) => message)).toMatchObject([
		{
			kind: "warning",
			what: "needs-login",
			text: expect.stringContaining(
				"most likely: laptop used its copy, which it never confirmed erasing, or the session was ended",
			),
			next: "on the PC, baton status says how to make a new login for this host",
		},
	]);
	expect(JSON.stringify(heard)).not.toMatch(/sk-ant-/);
	expect((await host.run("status")).stdout).toContain("  most likely: laptop used its copy");
	const audit = readFileSync(join(host.stateFolder, "audit.jsonl"), "utf8");
	expect(audit).toContain('"what":"needs-login"');
});

test("a test message goes out when it is asked for", async () => {
	await host.serve();
	const socket = connect(join(host.stateFolder, "control.sock"));
	await once(socket, "connect");
	socket.write(`${JSON.stringify({ v: 1, type: "test-warnings" })}\n`);
	expect(JSON.parse(await text(socket))).toEqual({
		v: 1,
		type: "warnings-tested",
		outlets: [{ name: "chat" }],
	});
	expect(heard).toMatchObject([{ message: { kind: "test" } }]);
});
