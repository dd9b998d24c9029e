import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";
import { answerJson } from "./loopback-server.ts";
import type { Target } from "./oauth-control.ts";
import {
	answerSpoilt,
	answerStatus,
	FaultQueue,
	type ProviderFault,
	type When,
} from "./provider-fault.ts";

export interface Answer {
	status: number;
	body: Record<string, unknown>;
}

/** What a request does once no fault stands before it. */
export interface Exchange {
	response: ServerResponse;
	target: Target;
	/** Does what was asked; called at most once. */
	perform(fault: ProviderFault | undefined): Promise<Answer>;
	/** Told once the provider's own answer has been handed to the network whole. */
	answered?(): void;
}

/** The armed faults of all addresses, and the one place where they are applied to a request. */
export class FaultyExchange {
	readonly #faults: Record<Target, FaultQueue> = {
		token: new FaultQueue(),
		profile: new FaultQueue(),
		revoke: new FaultQueue(),
	};
	readonly #held: (() => void)[] = [];
	readonly #arrivals = new EventEmitter();

	inject(target: Target, fault: ProviderFault, times: number | "until-cleared"): void {
		this.#faults[target].arm(fault, times === "until-cleared" ? Number.POSITIVE_INFINITY : times);
	}

	clear(target?: Target): void {
		for (const [name, queue] of Object.entries(this.#faults)) {
			if (!target || name === target) queue.clear();
		}
	}

	release(): void {
		for (const resume of this.#held.splice(0)) resume();
	}

	/** Resolves once this many requests are held at the same time. Throws after `limitMs`. */
	async untilHeld(count: number, limitMs: number): Promise<void> {
		const signal = AbortSignal.timeout(limitMs);
		while (this.#held.length < count) await once(this.#arrivals, "held", { signal });
	}

	/** What the next request of this address meets, left for it. */
	next(target: Target): ProviderFault | undefined {
		return this.#faults[target].next();
	}

	async run(exchange: Exchange): Promise<void> {
		const { response } = exchange;
		const fault = this.#faults[exchange.target].take();
		if (fault?.kind === "drop-request") return void response.destroy();
		await this.#pause(fault, "before");
		if (fault && spoils(fault, "before")) return spoil(response, fault, "");
		const answer = await exchange.perform(fault);
		if (fault?.kind === "lose-reply") return void response.destroy();
		await this.#pause(fault, "after");
		if (fault && spoils(fault, "after")) {
			return spoil(response, fault, JSON.stringify(answer.body));
		}
		response.once("finish", () => exchange.answered?.());
		answerJson(response, answer.status, answer.body);
	}

	async #pause(fault: ProviderFault | undefined, when: When): Promise<void> {
		if (fault?.kind !== "hold" && fault?.kind !== "delay") return;
		if ((fault.when ?? "before") !== when) return;
		await new Promise<void>((resolve) => {
			if (fault.kind === "delay") return void setTimeout(resolve, fault.ms);
			this.#held.push(resolve);
			this.#arrivals.emit("held");
		});
	}
}

function spoils(fault: ProviderFault, when: When): boolean {
	if (fault.kind === "status") return (fault.when ?? "before") === when;
	return fault.kind === "body" && (fault.when ?? "after") === when;
}

function spoil(response: ServerResponse, fault: ProviderFault, good: string): void {
	if (fault.kind === "status") answerStatus(response, fault.status, fault.retryAfter);
	else if (fault.kind === "body") answerSpoilt(response, fault.body, good);
}
