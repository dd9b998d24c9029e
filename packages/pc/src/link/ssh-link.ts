/**
 * One host over SSH. The connection is opened for the first request and kept a little while, so that
 * asking how a claim fares costs no handshake each time.
 */

import { BatonError } from "@baton/core/error";
import type { Answer, Request } from "@baton/core/protocol";
import type { Clock } from "@baton/io/clock";
import { AnswerChannel, noAnswer } from "./answer-channel.ts";
import type { HostLink } from "./host-link.ts";
import { connectSsh } from "./ssh-connect.ts";
import type { LinkLimits, SshSettings } from "./ssh-settings.ts";

interface Open {
	readonly channel: AnswerChannel;
	/** Monotonic ms. */
	readonly since: number;
	/** Requests sent so far. */
	asked: number;
}

/** The host refuses the sixty-fifth of a connection. */
const MOST_REQUESTS = 60;

export class SshLink implements HostLink {
	readonly #settings: SshSettings;
	readonly #limits: LinkLimits;
	readonly #clock: Clock;
	#open: Promise<Open> | undefined;
	#closing = new AbortController();
	#underWay = 0;
	#idle = new AbortController();

	constructor(settings: SshSettings, limits: LinkLimits, clock: Clock) {
		this.#settings = settings;
		this.#limits = limits;
		this.#clock = clock;
	}

	async ask(request: Request): Promise<Answer> {
		this.#idle.abort();
		this.#underWay += 1;
		try {
			const open = await this.#connection();
			open.asked += 1;
			return await open.channel.ask(request);
		} catch (error) {
			this.close();
			throw error;
		} finally {
			this.#underWay -= 1;
			if (this.#underWay === 0) this.#closeWhenIdle();
		}
	}

	close(): void {
		this.#idle.abort();
		this.#closing.abort(noAnswer("the connection was closed"));
		this.#closing = new AbortController();
		this.#open = undefined;
	}

	async #connection(): Promise<Open> {
		const open = await this.#open?.catch(() => undefined);
		if (open !== undefined && this.#isFit(open)) return open;
		if (open !== undefined) this.close();
		this.#open ??= this.#connect(this.#closing);
		return await this.#open;
	}

	#isFit({ channel, since, asked }: Open): boolean {
		const age = this.#clock.monotonic() - since;
		return channel.isOpen && asked < MOST_REQUESTS && age < this.#limits.total;
	}

	async #connect({ signal }: AbortController): Promise<Open> {
		const connection = await connectSsh(this.#settings, this.#limits.connect, signal);
		const channel = new AnswerChannel(connection.channel, this.#clock, this.#limits);
		connection.channel.once("exit", (code: number | null) => {
			if (code === 127) channel.end(notInstalled());
		});
		signal.addEventListener("abort", () => {
			channel.end(signal.reason);
			connection.end();
		});
		return { channel, since: this.#clock.monotonic(), asked: 0 };
	}

	#closeWhenIdle(): void {
		if (this.#open === undefined) return;
		this.#idle = new AbortController();
		this.#clock.sleep(this.#limits.idle, this.#idle.signal).then(
			() => this.close(),
			() => undefined,
		);
	}
}

function notInstalled(): BatonError {
	return new BatonError("service-unavailable", "there is no batond where the host looks for it", {
		hint: "look at the baton line in authorized_keys there: it names the program",
	});
}
