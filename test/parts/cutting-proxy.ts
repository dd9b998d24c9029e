import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** `up`: from the client to the server. */
export type Direction = "up" | "down";

/**
 * `cut`: the connection ends for both sides. `black-hole`: nothing passes any more and nobody is
 * told, as when a cable is pulled; what was under way passes after `heal`.
 */
export type LinkAction = "cut" | "black-hole";

export interface LinkFault {
	direction: Direction;
	/** Exactly this many bytes pass in that direction before it happens. */
	atByte: number;
	action: LinkAction;
}

/** How many bytes a connection has passed, and how many have come and wait, as in a black hole. */
export interface LinkCount {
	up: number;
	down: number;
	held: { up: number; down: number };
	open: boolean;
}

/** A TCP proxy on 127.0.0.1 that breaks links on purpose. */
export interface CuttingProxy {
	readonly port: number;
	/** Arms a fault for the next connection; several are used up in order. */
	next(fault: LinkFault): void;
	/** Does it to every open connection; a black hole in one direction only, if one is named. */
	now(action: LinkAction, direction?: Direction): void;
	/** Lets black-holed connections pass again. */
	heal(): void;
	/** Whether new connections are ended at once. */
	refuse(refusing: boolean): void;
	/** Holds back each piece, in both directions, this long. */
	delay(ms: number): void;
	/** Every connection so far, in order. */
	connections(): LinkCount[];
	/** Where new connections go from now on, another port on 127.0.0.1. */
	lead(targetPort: number): void;
	/** Cuts everything and frees the port. */
	close(): Promise<void>;
}

/** Starts a proxy to `targetPort` on 127.0.0.1. */
export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
	const links: Link[] = [];
	const faults: LinkFault[] = [];
	let refusing = false;
	let port = targetPort;
	let delayMs = 0;
	const server = createServer({ allowHalfOpen: true }, (client) => {
		if (refusing) {
			client.on("error", () => undefined);
			client.resetAndDestroy();
			return;
		}
		const target = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
		links.push(new Link(client, target, faults.shift(), () => delayMs));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");

	const cutAll = () => {
		for (const link of links) link.cut();
	};
	return {
		port: (server.address() as AddressInfo).port,
		next: (fault) => void faults.push(fault),
		now(action, direction) {
			if (action === "cut") cutAll();
			else for (const link of links) link.hold(direction);
		},
		heal() {
			for (const link of links) link.heal();
		},
		refuse: (on) => {
			refusing = on;
		},
		delay: (ms) => {
			delayMs = ms;
		},
		lead: (to) => {
			port = to;
		},
		connections: () => links.map(({ passed, held, open }) => ({ ...passed, held, open })),
		async close() {
			if (!server.listening) return;
			const closed = once(server, "close");
			server.close();
			cutAll();
			await closed;
		},
	};
}

class Link {
	readonly passed = { up: 0, down: 0 };
	readonly #ends: readonly [Socket, Socket];
	readonly #delayMs: () => number;
	#fault: LinkFault | undefined;
	#isHeld: Record<Direction, boolean> = { up: false, down: false };
	readonly #resume: (() => void)[] = [];

	constructor(client: Socket, target: Socket, fault: LinkFault | undefined, delayMs: () => number) {
		this.#ends = [client, target];
		this.#fault = fault;
		this.#delayMs = delayMs;
		for (const socket of this.#ends) {
			socket.setNoDelay(true);
			// Each end's failure is passed on where it is read, in `#pump`.
			socket.on("error", () => undefined);
		}
		void this.#pump("up", client, target);
		void this.#pump("down", target, client);
	}

	get held(): Record<Direction, number> {
		const [client, target] = this.#ends;
		return {
			up: client.bytesRead - this.passed.up,
			down: target.bytesRead - this.passed.down,
		};
	}

	get open(): boolean {
		return this.#ends.some((socket) => !socket.destroyed);
	}

	cut(): void {
		for (const socket of this.#ends) socket.resetAndDestroy();
		this.heal();
	}

	hold(only?: Direction): void {
		for (const direction of ["up", "down"] as const) {
			if (only === undefined || only === direction) this.#isHeld[direction] = true;
		}
	}

	heal(): void {
		this.#isHeld = { up: false, down: false };
		for (const resume of this.#resume.splice(0)) resume();
	}

	async #pump(direction: Direction, from: Socket, to: Socket): Promise<void> {
		try {
			// Reading to the end must not end the other direction.
			const pieces = from.iterator({ destroyOnReturn: false });
			for await (const piece of pieces) await this.#pass(direction, piece, from, to);
			await this.#untilHealed(direction);
			to.end();
		} catch {
			to.resetAndDestroy();
		}
	}

	async #pass(direction: Direction, piece: Buffer, from: Socket, to: Socket): Promise<void> {
		if (this.#delayMs() > 0) await pause(this.#delayMs());
		await this.#untilHealed(direction);
		const fault = this.#fault;
		const room = (fault?.atByte ?? 0) - this.passed[direction];
		if (fault?.direction !== direction || room > piece.length) {
			return await this.#write(direction, piece, to);
		}
		this.#fault = undefined;
		await this.#write(direction, piece.subarray(0, room), to);
		if (fault.action === "cut") {
			// A reset could overtake the last bytes, so the receiver is told by an ordinary end.
			to.destroySoon();
			from.resetAndDestroy();
			return;
		}
		this.#isHeld[direction] = true;
		await this.#untilHealed(direction);
		await this.#write(direction, piece.subarray(room), to);
	}

	async #write(direction: Direction, piece: Buffer, to: Socket): Promise<void> {
		if (piece.length === 0) return;
		this.passed[direction] += piece.length;
		if (!to.write(piece)) await once(to, "drain");
	}

	async #untilHealed(direction: Direction): Promise<void> {
		while (this.#isHeld[direction]) {
			await new Promise<void>((resolve) => this.#resume.push(resolve));
		}
	}
}
