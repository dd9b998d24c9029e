import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";

let echo: Server;
let proxy: CuttingProxy;
/** What arrived at the server, all connections together. */
let arrived: string;
const sockets = new Set<Socket>();

beforeEach(async () => {
	arrived = "";
	echo = createServer({ allowHalfOpen: true }, (socket) => {
		sockets.add(socket);
		socket.on("error", () => undefined);
		socket.on("data", (data) => {
			arrived += data;
			socket.write(data);
		});
		socket.on("end", () => socket.end("bye"));
	}).listen(0, "127.0.0.1");
	await once(echo, "listening");
	proxy = await startCuttingProxy((echo.address() as AddressInfo).port);
});

afterEach(async () => {
	await proxy.close();
	for (const socket of sockets) socket.destroy();
	sockets.clear();
	echo.close();
});

interface Client {
	socket: Socket;
	/** What came back so far. */
	got(): string;
	/** How it ended: `end`, `reset`, or nothing yet. */
	over(): string | undefined;
}

function open(): Client {
	const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
	sockets.add(socket);
	let got = "";
	let over: string | undefined;
	socket.on("data", (data) => {
		got += data;
	});
	socket.on("end", () => {
		over ??= "end";
	});
	socket.on("error", () => {
		over ??= "reset";
	});
	return { socket, got: () => got, over: () => over };
}

const until = (check: () => boolean) => vi.waitFor(() => expect(check()).toBe(true));

test("without a fault everything passes, half-closed ends too", async () => {
	const client = open();
	client.socket.end("hello");
	await until(() => client.over() === "end");
	expect(client.got()).toBe("hellobye");
	expect(proxy.connections()).toMatchObject([{ up: 5, down: 8 }]);
});

test("a cut upwards lets exactly N bytes through", async () => {
	proxy.next({ direction: "up", atByte: 7, action: "cut" });
	const client = open();
	client.socket.write("12345");
	await until(() => client.got() === "12345");
	client.socket.write("67890");
	await until(() => client.over() !== undefined);
	await until(() => arrived.length === 7);
	expect(arrived).toBe("1234567");
});

test("a cut downwards lets exactly N bytes back, and all of it up", async () => {
	proxy.next({ direction: "down", atByte: 3, action: "cut" });
	const client = open();
	client.socket.write("12345");
	await until(() => client.over() !== undefined);
	expect([client.got(), arrived]).toEqual(["123", "12345"]);
});

test("a fault is for one connection only", async () => {
	proxy.next({ direction: "up", atByte: 0, action: "cut" });
	const first = open();
	first.socket.write("x");
	await until(() => first.over() !== undefined);
	const second = open();
	second.socket.write("y");
	await until(() => second.got() === "y");
	expect(arrived).toBe("y");
});

test("a black hole swallows without telling, and gives back when healed", async () => {
	proxy.next({ direction: "down", atByte: 2, action: "black-hole" });
	const client = open();
	client.socket.write("1234");
	await until(() => arrived === "1234" && client.got() === "12");
	client.socket.end("56");
	await until(() => arrived === "123456");
	expect([client.got(), client.over()]).toEqual(["12", undefined]);
	proxy.heal();
	await until(() => client.over() === "end");
	expect(client.got()).toBe("123456bye");
});

test("on command: a black hole in both directions, then a cut", async () => {
	const client = open();
	client.socket.write("1");
	await until(() => client.got() === "1");
	proxy.now("black-hole");
	client.socket.write("2");
	for (const socket of sockets) if (socket !== client.socket) socket.write("3");
	await new Promise((resolve) => setTimeout(resolve, 30));
	expect([arrived, client.got(), client.over()]).toEqual(["1", "1", undefined]);
	proxy.now("cut");
	await until(() => client.over() === "reset");
	await until(() => proxy.connections().every(({ open }) => !open));
	expect(arrived).toBe("1");
});

test("on command: a black hole in one direction, with what it swallowed told", async () => {
	const client = open();
	client.socket.write("1");
	await until(() => client.got() === "1");
	proxy.now("black-hole", "down");
	client.socket.write("23");
	await until(() => proxy.connections()[0]?.held.down === 2);
	client.socket.write("456");
	await until(() => proxy.connections()[0]?.held.down === 5);
	expect([arrived, client.got()]).toEqual(["123456", "1"]);
	proxy.heal();
	await until(() => client.got() === "123456");
	expect(proxy.connections()).toMatchObject([{ held: { up: 0, down: 0 } }]);
});

test("refused connections never reach the server", async () => {
	proxy.refuse(true);
	const client = open();
	await until(() => client.over() !== undefined);
	expect(proxy.connections()).toEqual([]);
	proxy.refuse(false);
	const next = open();
	next.socket.write("x");
	await until(() => next.got() === "x");
});

test("a delay holds pieces back and keeps their order", async () => {
	proxy.delay(25);
	const client = open();
	const start = performance.now();
	client.socket.write("1");
	await until(() => arrived === "1");
	client.socket.write("2");
	await until(() => client.got() === "12");
	expect(performance.now() - start).toBeGreaterThanOrEqual(50);
});

test("an unreachable server is an end, not a hang", async () => {
	echo.close();
	const client = open();
	await until(() => client.over() !== undefined);
});

test("much passes unharmed", async () => {
	const much = "0123456789".repeat(200_000);
	const client = open();
	client.socket.end(much);
	await until(() => client.over() === "end");
	expect(client.got() === `${much}bye`).toBe(true);
});
