/**
 * Requests out and answers in over one byte stream, a JSON object a line.
 *
 * What the host's shell prints before the first answer (a talkative `.bashrc`) is skipped, within a
 * limit. From then on a line that is no answer ends the channel.
 */

import type { Duplex } from "node:stream";
import { BatonError } from "@baton/core/error";
import {
	type Answer,
	formatLine,
	LINE_MAX_BYTES,
	parseAnswer,
	type Request,
} from "@baton/core/protocol";
import type { Clock } from "@baton/io/clock";
import { readLines } from "@baton/io/json-lines";

/** What a shell may print before the first answer, bytes. */
const NOISE_MAX_BYTES = 8 * 1024;

export interface ChannelLimits {
	/** From a request to its answer, ms. */
	readonly request: number;
	/** Of the whole channel, ms. */
	readonly total: number;
}

interface Waiting {
	resolve(answer: Answer): void;
	reject(error: BatonError): void;
}

export class AnswerChannel {
	readonly #stream: Duplex;
	readonly #clock: Clock;
	readonly #limits: ChannelLimits;
	readonly #waiting = new Map<string, Waiting>();
	#noiseBytes = 0;
	#answered = false;
	#ended: BatonError | undefined;

	constructor(stream: Duplex, clock: Clock, limits: ChannelLimits) {
		this.#stream = stream;
		this.#clock = clock;
		this.#limits = limits;
		void this.#read();
	}

	get isOpen(): boolean {
		return this.#ended === undefined && this.#stream.writable;
	}

	/**
	 * @throws BatonError `timed-out`; `service-unavailable` and `bad-message` also for the answers of
	 * these names, after which nothing has happened there
	 */
	async ask(request: Request): Promise<Answer> {
		const line = formatLine(request);
		if (this.#ended !== undefined) throw this.#ended;
		const answered = new AbortController();
		const answer = new Promise<Answer>((resolve, reject) => {
			this.#waiting.set(request.id, { resolve, reject });
		});
		this.#clock.sleep(this.#limits.request, answered.signal).then(
			() => this.end(this.#late()),
			() => undefined,
		);
		try {
			this.#stream.write(line);
			return orRefusal(await answer);
		} finally {
			this.#waiting.delete(request.id);
			answered.abort();
		}
	}

	/** Ends it for every request that waits. Only the first reason counts. */
	end(why: BatonError): void {
		if (this.#ended !== undefined) return;
		this.#ended = why;
		this.#stream.on("error", () => undefined).destroy();
		for (const { reject } of this.#waiting.values()) reject(why);
	}

	#late(): BatonError {
		const seconds = Math.round(this.#limits.request / 1000);
		return new BatonError("timed-out", `the host gave no answer within ${seconds} s`, {
			hint: "look on the host whether batond runs: batond status",
		});
	}

	async #read(): Promise<void> {
		const { total: idleMs } = this.#limits;
		const limits = { clock: this.#clock, idleMs, maxLineBytes: LINE_MAX_BYTES };
		try {
			for await (const line of readLines(this.#stream, limits)) this.#takeLine(line.trim());
			this.end(noAnswer("the connection ended before the answer"));
		} catch (error) {
			this.end(error instanceof BatonError ? error : noAnswer("the connection failed"));
		}
	}

	/** @throws BatonError `bad-message` */
	#takeLine(line: string): void {
		if (line === "") return;
		const object = this.#answered ? line : afterNoise(line);
		try {
			const answer = parseAnswer(object);
			this.#answered = true;
			const asked = this.#waiting.get(answer.id);
			if (asked === undefined) orRefusal(answer);
			asked?.resolve(answer);
		} catch (error) {
			if (this.#answered || isOfSomeProtocol(object)) throw error;
			this.#noiseBytes += Buffer.byteLength(line) + 1;
			if (this.#noiseBytes > NOISE_MAX_BYTES) throw tooMuchNoise();
		}
	}
}

/** Neither is an answer about a login: as with a link that failed, the PC keeps what it has. */
function orRefusal(answer: Answer): Answer {
	if (answer.type === "unavailable") {
		throw new BatonError("service-unavailable", answer.reason, {
			hint: "look on the host: batond status",
		});
	}
	if (answer.type === "refused") {
		throw new BatonError("bad-message", `the host refused the request: ${answer.reason}`, {
			hint: "look at the setting name, and whether both sides are of the same version",
		});
	}
	return answer;
}

/** A prompt without a newline stands before the answer on its line. */
function afterNoise(line: string): string {
	return line.slice(Math.max(0, line.indexOf('{"')));
}

/** Another version's line is no noise: its refusal says what to do. */
function isOfSomeProtocol(line: string): boolean {
	try {
		const value: unknown = JSON.parse(line);
		return typeof value === "object" && value !== null && "v" in value && "type" in value;
	} catch {
		return false;
	}
}

function tooMuchNoise(): BatonError {
	return new BatonError("bad-message", "the host's shell prints too much before batond answers", {
		hint: "make its start-up files (.bashrc) print nothing when they run without a terminal",
	});
}

export function noAnswer(why: string): BatonError {
	return new BatonError("service-unavailable", why, {
		hint: "look on the host whether batond runs: batond status",
	});
}
