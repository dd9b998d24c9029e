/**
 * A proxy on loopback that takes CONNECT, in good order or in one of the ways proxies go wrong. Wherever
 * it is asked to go, it goes to the one port it is given.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export type ProxyManner =
	/** `password`: as `user:password`; without it, 407. */
	| { readonly kind: "tunnel"; readonly to: number; readonly password?: string }
	/** The same to a proxy behind it, which is asked as this one was. */
	| { readonly kind: "pass"; readonly to: number; readonly password?: string }
	/** Says this once it was asked, and ends the connection unless told to keep it. */
	| { readonly kind: "say"; readonly text: string; readonly stays?: boolean }
	/** Says the same without an end. */
	| { readonly kind: "drone"; readonly text: string };

export interface ConnectProxy {
	readonly url: string;
	/** What came before a tunnel stood, one text for each connection. */
	heads(): string[];
	/** All that came through tunnels, as it passed by. */
	passed(): string;
	/** Connections that are open. */
	open(): number;
	close(): Promise<void>;
}

/** @param identity makes it a proxy that is itself spoken to by TLS */
export async function startConnectProxy(
	manner: ProxyManner,
	identity?: { readonly key: string; readonly cert: string },
): Promise<ConnectProxy> {
	const heads: string[] = [];
	const passed: string[] = [];
	const sockets = new Set<Socket>();
	const keep = (socket: Socket) => {
		sockets.add(socket);
		socket.on("error", () => socket.destroy());
		socket.once("close", () => sockets.delete(socket));
	};
	const serve = (socket: Socket) => {
		keep(socket);
		socket.once("data", (bytes) => {
			const head = bytes.toString("latin1");
			heads.push(head);
			if (manner.kind === "drone") return drone(socket, manner.text);
			if (manner.kind === "say") {
				if (manner.stays) return void socket.write(manner.text);
				return void socket.end(manner.text);
			}
			if (!letsIn(manner.password, head)) {
				return void socket.end('HTTP/1.1 407 Who?\r\nproxy-authenticate: Basic realm="x"\r\n\r\n');
			}
			const onward = connect(manner.to, "127.0.0.1");
			keep(onward);
			onward.once("connect", () => {
				if (manner.kind === "pass") onward.write(bytes);
				else socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
			});
			socket.on("data", (chunk) => passed.push(chunk.toString("latin1")));
			socket.pipe(onward).pipe(socket);
			socket.once("close", () => onward.destroy());
			// Its end is seen only by who reads on.
			onward.once("close", () => socket.resume());
		});
	};
	const server: Server =
		identity === undefined ? createServer(serve) : createTlsServer(identity, serve);
	// A handshake that fails is the client's business.
	server.on("tlsClientError", () => {});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	return {
		url: `http${identity === undefined ? "" : "s"}://localhost:${port}`,
		heads: () => [...heads],
		passed: () => passed.join(""),
		open: () => sockets.size,
		async close() {
			const closed = once(server, "close");
			server.close();
			for (const socket of sockets) socket.destroy();
			await closed;
		},
	};
}

function letsIn(password: string | undefined, head: string): boolean {
	if (password === undefined) return true;
	const wanted = `proxy-authorization: Basic ${Buffer.from(password).toString("base64")}`;
	return head.includes(`${wanted}\r\n`);
}

/** As fast as it is read, until nobody does. */
export function drone(socket: Socket, text: string): void {
	const timer = setInterval(() => {
		if (socket.writableLength < 1024 * 1024) socket.write(text.repeat(20));
	}, 5);
	socket.once("close", () => clearInterval(timer));
}
