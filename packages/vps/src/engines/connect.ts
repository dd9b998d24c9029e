/**
 * Opens a connection and nothing more, so that whoever sends on it knows exactly from when on a request
 * may have left: not before this has resolved.
 */

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/**
 * @param signal ends the attempt, and the connection later on
 * @throws Error where there is no route, no name, no listener, no trusted certificate, or no time left
 */
export function connect(url: URL, signal: AbortSignal): Promise<Socket> {
	return new Promise((resolve, reject) => {
		if (signal.aborted) return reject(new Error("no time left to connect"));
		const secure = url.protocol === "https:";
		const socket = secure ? connectTls(tlsOptions(url)) : connectTcp(tcpOptions(url));
		const onAbort = () => socket.destroy(new Error("took too long"));
		signal.addEventListener("abort", onAbort, { once: true });
		socket.once("close", () => {
			signal.removeEventListener("abort", onAbort);
			reject(new Error("closed before it was open"));
		});
		socket.once("error", reject);
		socket.once(secure ? "secureConnect" : "connect", () => {
			socket.removeListener("error", reject);
			resolve(socket);
		});
	});
}

function tcpOptions(url: URL) {
	// An IPv6 address stands in brackets in a URL.
	const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
	return { host, port: Number(url.port || (url.protocol === "https:" ? 443 : 80)) };
}

function tlsOptions(url: URL) {
	const { host, port } = tcpOptions(url);
	const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
	return { host, port, ALPNProtocols: ["http/1.1"], ...(isAddress ? {} : { servername: host }) };
}
