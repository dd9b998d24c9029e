import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
	CONTROL_CALLS,
	type OAuthAddresses,
	type OAuthControl,
	type OAuthServer,
	type OAuthServerOptions,
} from "./oauth-control.ts";
import type { AccessUse } from "./resource-server.ts";

/** An OAuth server that lives on when the program under test, or the test's own loop, is busy. */
export interface OAuthServerProcess extends OAuthServer {
	readonly pid: number;
	/** Base address of the resource server that runs beside it. */
	readonly resourceUrl: string;
	/** What the resource server counted. */
	uses(): Promise<AccessUse[]>;
}

interface Outcome {
	id: number;
	value?: unknown;
	error?: string;
}

interface Waiting {
	resolve(value: unknown): void;
	reject(error: Error): void;
}

const MAIN = fileURLToPath(new URL("./oauth-server-main.ts", import.meta.url));

/** Starts the server as a process of its own. Throws when it ends before it is ready. */
export async function startOAuthServerProcess(
	options: OAuthServerOptions,
): Promise<OAuthServerProcess> {
	const argv = ["--import", "tsx", MAIN, JSON.stringify(options)];
	const child = spawn(process.execPath, argv, {
		env: { PATH: process.env.PATH ?? "" },
		cwd: fileURLToPath(new URL("../..", import.meta.url)),
		stdio: ["pipe", "pipe", "inherit"],
	});
	const ended = once(child, "exit");
	const lines = createInterface({ input: child.stdout });
	const waiting = new Map<number, Waiting>();
	const first = await Promise.race([once(lines, "line"), ended.then(() => undefined)]);
	if (!first) throw new Error("the OAuth server ended before it was ready");
	const addresses = JSON.parse(first[0]) as OAuthAddresses & { port: number; resourceUrl: string };
	lines.on("line", (line) => settle(waiting, JSON.parse(line) as Outcome));
	child.once("exit", () => {
		for (const { reject } of waiting.values()) reject(new Error("the OAuth server has ended"));
	});

	let lastId = 0;
	const call = (name: string, args: unknown[]) =>
		new Promise<unknown>((resolve, reject) => {
			lastId += 1;
			waiting.set(lastId, { resolve, reject });
			child.stdin.write(`${JSON.stringify({ id: lastId, name, args })}\n`);
		});
	const calls = [...CONTROL_CALLS, "uses"].map((name) => [
		name,
		(...args: unknown[]) => call(name, args),
	]);
	return {
		...addresses,
		pid: child.pid ?? -1,
		...(Object.fromEntries(calls) as OAuthControl & Pick<OAuthServerProcess, "uses">),
		async close() {
			child.stdin.end();
			await ended;
		},
	};
}

function settle(waiting: Map<number, Waiting>, { id, value, error }: Outcome): void {
	const call = waiting.get(id);
	waiting.delete(id);
	if (error === undefined) call?.resolve(value);
	else call?.reject(new Error(error));
}
