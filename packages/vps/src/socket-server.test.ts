/** A socket that is removed or replaced while its server runs. */
import { once } from "node:events";
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listenOn, type SocketServer } from "./socket-server.ts";

let folder: string;
let path: string;
let server: SocketServer;
beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
	path = join(folder, "a.sock");
	const serve = async (socket: Socket) => void socket.end("here");
	server = await listenOn({ path, maxConnections: 2, serve, turnAway: (socket) => socket.end() });
});
afterEach(async () => {
	await server.close(0);
	rmSync(folder, { recursive: true });
});

async function said(): Promise<string> {
	const socket = connect({ path });
	let text = "";
	socket.on("data", (data) => {
		text += data;
	});
	await once(socket, "close");
	return text;
}

async function another(): Promise<Server> {
	const other = createServer((socket) => {
		// Who only looks whether somebody is here has gone by now.
		socket.on("error", () => {});
		socket.end("another");
	});
	other.listen(path);
	await once(other, "listening");
	return other;
}

test("one that is well is left alone; one that was removed is there again, for its owner alone", async () => {
	expect(await server.look()).toBe(false);
	expect(await said()).toBe("here");
	for (const _again of [1, 2]) {
		rmSync(path);
		expect(await server.look()).toBe(true);
		expect(await said()).toBe("here");
		expect(statSync(path).mode & 0o777).toBe(0o600);
	}
	await server.close(0);
	expect(readdirSync(folder)).toEqual([]);
});

test("another's living socket is never taken over, not even by the end", async () => {
	rmSync(path);
	const other = await another();
	const looks = [server.look(), server.look()];
	for (const look of looks) {
		await expect(look).rejects.toMatchObject({ code: "unsafe-path", hint: expect.any(String) });
	}
	await server.close(0);
	expect(await said()).toBe("another");
	other.close();
	await once(other, "close");
});

test("once the other one has gone, it is there again", async () => {
	rmSync(path);
	const other = await another();
	await expect(server.look()).rejects.toMatchObject({ code: "unsafe-path" });
	// As a kill leaves it: bound, and nobody listens.
	renameSync(path, `${path}.aside`);
	other.close();
	await once(other, "close");
	renameSync(`${path}.aside`, path);
	expect(await server.look()).toBe(true);
	expect(await said()).toBe("here");
});

test("a file in its place is somebody's: kept by a look and by the end", async () => {
	rmSync(path);
	writeFileSync(path, "mine");
	await expect(server.look()).rejects.toMatchObject({ code: "unsafe-path", hint: "move it away" });
	await server.close(0);
	expect(readdirSync(folder)).toEqual(["a.sock"]);
	rmSync(path);
	expect(await server.look()).toBe(true);
	expect(await said()).toBe("here");
});

test("a fault in the middle of its closing, as of a caller that could not be let in, is none of its own", async () => {
	const close = Server.prototype.close;
	vi.spyOn(Server.prototype, "close").mockImplementationOnce(function (this: Server) {
		this.emit("error", new Error("accept EMFILE"));
		return close.call(this);
	});
	await server.close(0);
});
