/** What the owner of the state does with each request on its socket. */

import type { StoreId } from "@baton/core/handover-state";
import type { Clock } from "@baton/io/clock";
import type { Asking } from "../following.ts";
import { handOver, takeBack } from "../hand-over.ts";
import type { HandoverRunner } from "../run-handover.ts";
import type { LiveFacts } from "./messages.ts";
import type { AnswerControl } from "./server.ts";

export interface AnswerPorts {
	readonly runner: HandoverRunner;
	readonly clock: Clock;
	place(store: StoreId): string;
	/** Why the record cannot be written, if it cannot. */
	trouble(): string | undefined;
}

export function answerControl(ports: AnswerPorts): AnswerControl {
	const { runner, clock, place } = ports;
	return async (request, tell, signal) => {
		const asking: Asking = { runner, clock, place, tell, signal };
		switch (request.type) {
			case "handover":
				return { type: "done", outcomes: [await handOver(request, asking)] };
			case "take-back":
				return { type: "done", outcomes: await takeBack(request, asking) };
			case "status":
				return { type: "status", live: liveFacts(ports) };
		}
	};
}

function liveFacts({ runner, place, trouble }: AnswerPorts): LiveFacts {
	const { rules } = runner.state;
	const links = Object.keys(rules.hosts).flatMap((host) => {
		const error = runner.linkTrouble(host);
		if (error === undefined) return [];
		const next = error.hint === undefined ? {} : { next: error.hint };
		return [[host, { why: error.message, ...next }] as const];
	});
	const stores = [...runner.storeTroubles].map(([store, why]) => [place(store), why] as const);
	const written = trouble() ?? runner.diskTrouble;
	return {
		pid: process.pid,
		links: Object.fromEntries(links),
		stores: Object.fromEntries(stores),
		...(written === undefined ? {} : { trouble: written }),
	};
}
