/** The way from the machine to the provider and back, as the year's weather lets requests through. */

import { HOUR, SECOND } from "@baton/core/duration";
import type { HttpResponse, ProbeOutcome } from "@baton/core/oauth";
import type { Tokens } from "@baton/core/tokens";
import type { Family, Provider } from "../provider.ts";
import type { Random } from "../random.ts";
import type { Timeline } from "../timeline.ts";
import { type Barrier, spanOver, type Year } from "./weather.ts";

/** What comes of a request: an answer, or how it failed. */
export type Fate =
	| { readonly kind: "response"; readonly response: HttpResponse }
	| { readonly kind: "not-sent" }
	| { readonly kind: "no-reply" };

export interface LineLimits {
	/** Ms within which a connection must have come about. */
	readonly connect: number;
	/** Ms after which an answer is not waited for any more. */
	readonly answer: number;
}

/** When a system tries to connect again, ms after the first packet. */
const CONNECT_TRIES = [0, 1, 3, 7, 15, 31, 63].map((seconds) => seconds * SECOND);

export class Line {
	readonly #year: Year;
	readonly #provider: Provider;
	readonly #timeline: Timeline;
	readonly #random: Random;
	readonly #limits: LineLimits;
	/** Told of each `Retry-After`, ms. */
	onRetryAfter: (ms: number) => void = () => undefined;
	/** Told of each answer as it sets out, with how long it takes, ms. */
	onAnswered: (takes: number) => void = () => undefined;
	/** Told of each refresh that came while a `Retry-After` was running for that login. */
	onPressed: () => void = () => undefined;
	/** A person's new login may be tried all the same. */
	readonly #stayAway = new Map<Family | undefined, number>();

	constructor(
		year: Year,
		provider: Provider,
		timeline: Timeline,
		random: Random,
		limits: LineLimits,
	) {
		this.#year = year;
		this.#provider = provider;
		this.#timeline = timeline;
		this.#random = random;
		this.#limits = limits;
	}

	/** After a start or a jump of the clock nobody can know any more how long to stay away. */
	forgetRetryAfter(): void {
		this.#stayAway.clear();
	}

	/** Sends a refresh; `onRotated` hears at once what the provider did, whoever hears the answer. */
	refresh(token: string, onRotated: (tokens: Tokens) => void): Promise<Fate> {
		return this.#send((barrier) => {
			const family = this.#provider.familyOf(token);
			if (this.#timeline.now < (this.#stayAway.get(family) ?? 0)) this.onPressed();
			if (barrier !== undefined) return this.#refusal(barrier, family);
			const outcome = this.#provider.refresh(token, "vps");
			if (outcome.kind !== "rotated") return this.#answer(400, { error: "invalid_grant" });
			onRotated(outcome.tokens);
			return this.#answer(200, tokensBody(outcome.tokens));
		});
	}

	async probe(token: string): Promise<ProbeOutcome> {
		let outcome: ProbeOutcome = { kind: "unknown" };
		const fate = await this.#send((barrier) => {
			if (barrier !== undefined) return this.#refusal(barrier);
			outcome = this.#provider.probe(token);
			return this.#answer(200, {});
		});
		return fate.kind === "response" ? outcome : { kind: "unknown" };
	}

	/** @param serve what the provider does once the request has come to it */
	async #send(serve: (barrier: Barrier | undefined) => HttpResponse): Promise<Fate> {
		const begun = this.#timeline.now;
		if (!(await this.#connected(begun))) return { kind: "not-sent" };
		await this.#pass(this.#random.between(10, 400));
		if (this.#closed() !== undefined) {
			await this.#pass(this.#limits.answer);
			return { kind: "no-reply" };
		}
		const response = serve(this.#barrier());
		const takes = this.#random.between(10, 2 * SECOND);
		this.onAnswered(takes);
		await this.#pass(takes);
		if (this.#closed() === undefined) return { kind: "response", response };
		await this.#pass(this.#limits.answer);
		return { kind: "no-reply" };
	}

	async #connected(begun: number): Promise<boolean> {
		for (const after of CONNECT_TRIES) {
			if (after >= this.#limits.connect) break;
			await this.#pass(begun + after - this.#timeline.now);
			const closed = this.#closed();
			if (closed === undefined) return true;
			if (!closed.hangs) {
				await this.#pass(50);
				return false;
			}
			// Something answers the first packet, and then nothing comes.
			if (closed.kind === "outage") break;
		}
		await this.#pass(begun + this.#limits.connect - this.#timeline.now);
		return false;
	}

	#barrier(): Barrier | undefined {
		return spanOver(this.#year.barriers, this.#timeline.now);
	}

	#closed() {
		const over = ({ kind }: Barrier) => kind === "outage" || kind === "no-network";
		const barrier = spanOver(this.#year.barriers.filter(over), this.#timeline.now);
		return barrier !== undefined && "hangs" in barrier ? barrier : undefined;
	}

	#refusal(barrier: Barrier, family?: Family): HttpResponse {
		if (barrier.kind === "errors") return this.#answer(barrier.status, undefined);
		if (barrier.kind !== "storm" || family === undefined) return this.#answer(503, undefined);
		return this.#answer(429, undefined, this.#retryAfter(barrier, family));
	}

	#retryAfter(
		{ until, retryAfter }: Extract<Barrier, { kind: "storm" }>,
		family: Family,
	): string | undefined {
		const { now } = this.#timeline;
		const { form, says } = retryAfter;
		if (form === "none") return undefined;
		const ms = "fixed" in says ? says.fixed : until - now + says.beyondEnd;
		const seconds = Math.max(1, Math.ceil(ms / SECOND));
		this.onRetryAfter(seconds * SECOND);
		this.#stayAway.set(family, now + Math.min(seconds * SECOND, 6 * HOUR) - 2 * SECOND);
		if (form === "seconds") return String(seconds);
		return new Date(now + seconds * SECOND).toUTCString();
	}

	#answer(status: number, body: object | undefined, retryAfter?: string): HttpResponse {
		const date = new Date(this.#timeline.now).toUTCString();
		return { status, retryAfter, date, body: body === undefined ? "" : JSON.stringify(body) };
	}

	#pass(ms: number): Promise<void> {
		return new Promise((resolve) => this.#timeline.after(ms, resolve));
	}
}

function tokensBody(tokens: Tokens): object {
	return {
		access_token: tokens.accessToken.reveal(),
		refresh_token: tokens.refreshToken?.reveal(),
		expires_in: tokens.expiresInMs / SECOND,
		refresh_token_expires_in: (tokens.deadlineInMs ?? 0) / SECOND,
	};
}
