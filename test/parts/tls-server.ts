/** A server on loopback by TLS that answers every request with JSON, and remembers what it was asked. */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { answerJson, readBody } from "./loopback-server.ts";

export interface TlsServer {
	readonly port: number;
	/** As `POST /path`, in order. */
	requests(): string[];
	/** The headers of all requests. */
	heads(): string;
	close(): Promise<void>;
}

/** @param answer JSON by path; `hang up` for the end of the connection */
export async function startTlsServer(
	{ key, cert }: { readonly key: string; readonly cert: string },
	answer: (path: string) => string,
): Promise<TlsServer> {
	const requests: string[] = [];
	const heads: string[] = [];
	const server = createServer({ key, cert }, async (request, response) => {
		await readBody(request);
		requests.push(`${request.method} ${request.url}`);
		heads.push(request.rawHeaders.join("\n"));
		const text = answer(request.url ?? "");
		if (text === "hang up") return void response.destroy();
		answerJson(response, 200, JSON.parse(text));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		port: (server.address() as AddressInfo).port,
		requests: () => [...requests],
		heads: () => heads.join("\n"),
		async close() {
			const closed = once(server, "close");
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
}
