/**
 * Opens a connection and nothing more, so that whoever sends on it knows exactly from when on a request
 * may have left: not before this has resolved. Through a proxy that is once the proxy has let us through
 * and the provider itself has shown its certificate.
 */

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { NotSentReason } from "@baton/core/oauth";
import { openTunnel, ProxyRefusal } from "./open-tunnel.ts";
import { proxyFor, type Route } from "./route.ts";

/**
 * @param signal ends the attempt, and the connection later on
 * @throws Error where there is no route, no name, no listener, no trusted certificate, or no time left;
 * `reasonOf` tells which
 */
export async function connect(url: URL, route: Route, signal: AbortSignal): Promise<Socket> {
	const proxy = proxyFor(url, route);
	if (proxy === undefined) return await open(url, route, signal);
	const towards = await open(proxy.url, route, signal);
	try {
		await openTunnel(towards, proxy, addressOf(url));
		return await open(url, route, signal, towards);
	} catch (error) {
		towards.destroy();
		throw error;
	}
}

/** @param through a tunnel that leads there; without it the network does */
function open(url: URL, route: Route, signal: AbortSignal, through?: Socket): Promise<Socket> {
	return new Promise((resolve, reject) => {
		if (signal.aborted) return reject(new Error("no time left to connect"));
		const secure = url.protocol === "https:";
		const socket = secure
			? connectTls(tlsOptions(url, route, through))
			: connectTcp(addressOf(url));
		const onAbort = () => socket.destroy();
		// It may break in more than one way, and at any time: who uses it sees that by its end.
		socket.on("error", () => {});
		signal.addEventListener("abort", onAbort, { once: true });
		socket.once("close", () => {
			signal.removeEventListener("abort", onAbort);
			through?.destroy();
			reject(new Error("closed before it was open"));
		});
		socket.once("error", reject);
		socket.once(secure ? "secureConnect" : "connect", () => {
			socket.removeListener("error", reject);
			resolve(socket);
		});
	});
}

function addressOf(url: URL) {
	// An IPv6 address stands in brackets in a URL.
	const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
	return { host, port: Number(url.port || (url.protocol === "https:" ? 443 : 80)) };
}

function tlsOptions(url: URL, { trust }: Route, through: Socket | undefined) {
	const { host, port } = addressOf(url);
	const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
	return {
		...(through === undefined ? { host, port } : { socket: through, host }),
		ALPNProtocols: ["http/1.1"],
		// Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
		rejectUnauthorized: true,
		...(isAddress ? {} : { servername: host }),
		...(trust === undefined ? {} : { secureContext: trust }),
	};
}

/** What OpenSSL and Node call a certificate that does not do. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS_CERT|CRL|INVALID_CA|INVALID_PURPOSE/;

/** Why a connection did not come about, as far as a person can do something about it. */
export function reasonOf(error: unknown): NotSentReason | undefined {
	if (error instanceof ProxyRefusal) return "proxy";
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	return CERTIFICATE.test(code) ? "certificate" : undefined;
}
