/** Follows one hand-over until it has come out, or until there is no use in waiting any longer. */

import { MINUTE } from "@baton/core/duration";
import type { BatonError, BatonErrorCode } from "@baton/core/error";
import type { Host, StoreId } from "@baton/core/handover-state";
import type { Clock } from "@baton/io/clock";
import { type Followed, follow } from "./follow-handover.ts";
import type { Outcome } from "./outcome.ts";
import type { Change, HandoverRunner, PostedEvent } from "./run-handover.ts";

/** What one who asks brings along. */
export interface Asking {
	readonly runner: HandoverRunner;
	readonly clock: Clock;
	/** Where a store lies, for people. */
	place(store: StoreId): string;
	/** Hears how it goes on. */
	tell(text: string): void;
	/** Ends the following, not the hand-over. */
	readonly signal: AbortSignal;
}

/** From the first sight of the login: a claim takes seconds, doubt about one takes minutes. */
const FOLLOW_FOR = 4 * MINUTE;
/** Failures in a row after which a host that nothing was given to is said to be out of reach. */
const TRIES_BEFORE_TAKE = 3;
/** Troubles that trying again does not mend. */
const LASTING: readonly BatonErrorCode[] = [
	"host-key-changed",
	"key-refused",
	"bad-settings",
	"unsafe-path",
	"bad-message",
];

export class Following {
	/** The change that the asking itself made; all of it durable. */
	readonly asked: Promise<Change>;
	/** Rejects with the signal's reason. */
	readonly outcome: Promise<Outcome>;
	readonly #asking: Asking;
	readonly #over = new AbortController();
	#followed: Followed | undefined;
	/** Of the attempts made since the asking: what kept the host from being reached before is old. */
	#trouble: BatonError | undefined;
	#failures = 0;
	#isTimed = false;

	/**
	 * @param from the event that the asking posts, once it has; nothing before it is looked at
	 * @param start what to follow, asked when that event was dealt with
	 */
	constructor(from: () => PostedEvent | undefined, asking: Asking, start: () => Followed) {
		this.#asking = asking;
		const first = deferred<Change>();
		const last = deferred<Outcome>();
		[this.asked, this.outcome] = [first.promise, last.promise];
		const stopListening = asking.runner.onChange((change) => {
			const isAsked = change.event !== undefined && change.event === from();
			if (this.#followed === undefined && !isAsked) return;
			const outcome = this.#heed(this.#followed ?? start(), change, last.resolve);
			first.resolve(change);
			if (outcome !== undefined) last.resolve(outcome);
		});
		this.#over.signal.addEventListener("abort", stopListening);
		const interrupt = () => {
			first.reject(asking.signal.reason);
			last.reject(asking.signal.reason);
		};
		if (asking.signal.aborted) interrupt();
		asking.signal.addEventListener("abort", interrupt, { signal: this.#over.signal });
	}

	/** Safe to call twice. */
	stop(): void {
		this.#over.abort();
	}

	#heed(
		before: Followed,
		change: Change,
		resolve: (outcome: Outcome) => void,
	): Outcome | undefined {
		const { clock, tell } = this.#asking;
		if (this.#followed !== undefined) this.#heedLink(before.host, change);
		const { followed, news, outcome } = follow(before, change, clock.now(), this.#trouble);
		this.#followed = followed;
		for (const text of news) tell(text);
		if (followed.fp !== undefined) this.#startTime(() => resolve(this.#underWay(followed)));
		return outcome ?? this.#givenUp(followed, change);
	}

	#heedLink(host: Host, { event }: Change): void {
		if (event?.type !== "link-failed" && event?.type !== "answer") return;
		if (event.host !== host) return;
		const failed = event.type === "link-failed";
		this.#trouble = failed ? this.#asking.runner.linkTrouble(host) : undefined;
		this.#failures = failed ? this.#failures + 1 : 0;
	}

	#startTime(late: () => void): void {
		if (this.#isTimed) return;
		this.#isTimed = true;
		this.#asking.clock.sleep(FOLLOW_FOR, this.#over.signal).then(late, () => undefined);
	}

	#givenUp(followed: Followed, { after }: Change): Outcome | undefined {
		const { host, fp, last } = followed;
		const { permit } = after.record;
		if (fp === undefined) {
			return permit?.host === host ? undefined : { result: "permit-closed", host };
		}
		if (last?.step === "provisional") return this.#underWay(followed);
		if (last?.step !== "pending") return undefined;
		const lasts = this.#trouble !== undefined && LASTING.includes(this.#trouble.code);
		return lasts || this.#failures >= TRIES_BEFORE_TAKE ? this.#underWay(followed) : undefined;
	}

	#underWay({ host, fp }: Followed): Outcome {
		const { last } = this.#followed ?? {};
		const trouble = this.#trouble;
		return {
			result: "under-way",
			host,
			...(fp === undefined ? {} : { fp }),
			step: last?.step ?? "pending",
			...(trouble === undefined ? {} : { trouble: trouble.message }),
			...(trouble?.hint === undefined ? {} : { hint: trouble.hint }),
		};
	}
}

interface Deferred<T> {
	readonly promise: Promise<T>;
	resolve(value: T): void;
	reject(reason: unknown): void;
}

/** Node 20 has no `Promise.withResolvers`. A rejection that nobody waits for is no fault. */
function deferred<T>(): Deferred<T> {
	let settle: Omit<Deferred<T>, "promise"> | undefined;
	const promise = new Promise<T>((resolve, reject) => {
		settle = { resolve, reject };
	});
	promise.catch(() => undefined);
	return {
		promise,
		resolve: (value) => settle?.resolve(value),
		reject: (reason) => settle?.reject(reason),
	};
}
