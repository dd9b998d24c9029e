/**
 * The OAuth server and its resource server as a process of their own.
 *
 * The one argument is `OAuthServerOptions` as JSON. The first line on stdout names the addresses;
 * then each line on stdin is a call `{id, name, args}`, and each further line on stdout its outcome,
 * `{id, value}` or `{id, error}`. The process ends when stdin does, so it outlives no test.
 */
import { createInterface } from "node:readline";
import { CONTROL_CALLS, type OAuthServer, type OAuthServerOptions } from "./oauth-control.ts";
import { startOAuthServer } from "./oauth-server.ts";
import { type ResourceServer, startResourceServer } from "./resource-server.ts";

type Call = (...args: never[]) => Promise<unknown>;

async function main(argument: string): Promise<void> {
	const server = await startOAuthServer(JSON.parse(argument) as OAuthServerOptions);
	const isLive = async (token: string) => (await server.liveAccess(token)) !== undefined;
	const resource = await startResourceServer({ isLive });
	const calls = callsOf(server, resource);
	const { port, url, tokenUrl, profileUrl, revokeUrl, clientId } = server;
	say({ port, url, tokenUrl, profileUrl, revokeUrl, clientId, resourceUrl: resource.url });
	// Each call is answered on its own: `untilHeld` must not stand in the way of `release`.
	const input = createInterface({ input: process.stdin });
	input.on("line", (line) => void answer(line, calls));
	input.on("close", () => process.exit(0));
}

function callsOf(server: OAuthServer, resource: ResourceServer): Map<string, Call> {
	const calls = new Map<string, Call>();
	for (const name of CONTROL_CALLS) calls.set(name, server[name].bind(server) as Call);
	calls.set("uses", async () => resource.uses());
	return calls;
}

async function answer(line: string, calls: Map<string, Call>): Promise<void> {
	const { id, name, args } = JSON.parse(line) as { id: number; name: string; args: never[] };
	try {
		const call = calls.get(name);
		if (!call) throw new Error(`there is no call ${name}`);
		const outcome: Promise<unknown> = call(...args);
		say({ id, value: await outcome });
	} catch (error) {
		say({ id, error: error instanceof Error ? error.message : "failed" });
	}
}

function say(message: unknown): void {
	process.stdout.write(`${JSON.stringify(message)}\n`);
}

await main(process.argv[2] ?? "{}");
