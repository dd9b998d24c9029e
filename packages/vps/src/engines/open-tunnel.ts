/** Asks a proxy to let us through to a host (RFC 9110 section 9.3.6). It is told where to, and no more. */

import { request as startRequest } from "node:http";
import type { Socket } from "node:net";
import type { ProxyServer } from "./route.ts";

/** The proxy answered, and did not let us through. */
export class ProxyRefusal extends Error {}

/**
 * @param towards a connection to the proxy, open; its end, by whoever ends it, ends the attempt
 * @throws ProxyRefusal for anything but a 2xx: a refusal, a wish for a password, no HTTP at all
 */
export function openTunnel(
	towards: Socket,
	{ credentials }: ProxyServer,
	{ host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
	const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
	return new Promise((resolve, reject) => {
		const asked = startRequest({
			// With a connection given, no agent has a part in this.
			createConnection: () => towards,
			method: "CONNECT",
			path: target,
			setHost: false,
			headers: {
				host: target,
				...(credentials === undefined
					? {}
					: { "proxy-authorization": `Basic ${base64(credentials.reveal())}` }),
			},
		});
		const refused = () => reject(new ProxyRefusal("the proxy does not let us through"));
		asked.once("connect", ({ statusCode = 0 }, _socket, head: Buffer) => {
			if (statusCode < 200 || statusCode > 299) return refused();
			if (head.length > 0) towards.unshift(head);
			resolve();
		});
		asked.on("response", refused);
		asked.on("error", refused);
		asked.once("close", refused);
		asked.end();
	});
}

function base64(text: string): string {
	return Buffer.from(text).toString("base64");
}
