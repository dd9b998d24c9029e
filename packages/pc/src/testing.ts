/** Parts for the tests of this package: a quick clock, logins, a host that plays by the rules. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fingerprint } from "@baton/core/lineage";
import { fingerprint, lineageIdOf } from "@baton/core/lineage";
import type { Answer, AnswerBody, Request } from "@baton/core/protocol";
import { Secret } from "@baton/core/secret";
import { type Clock, systemClock } from "@baton/io/clock";
import type { HostLink } from "./link/host-link.ts";

/** Real time, so many times as fast. */
export function quickClock(factor: number): Clock {
	const start = Date.now();
	const elapsed = () => performance.now() * factor;
	return {
		now: () => start + elapsed(),
		monotonic: elapsed,
		random: () => 0.5,
		sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
	};
}

export async function scratchFolder(): Promise<{ path: string; remove(): Promise<void> }> {
	const path = await mkdtemp(join(tmpdir(), "baton-pc-"));
	return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

const DAY = 86_400_000;

/** An entry as claude writes it, of this name. */
export function entryOf(name: string, account = "account-1") {
	return {
		accessToken: `sk-ant-oat01-TEST-${name}-access`,
		refreshToken: `sk-ant-ort01-TEST-${name}-refresh`,
		expiresAt: Date.now() + DAY,
		refreshTokenExpiresAt: Date.now() + 30 * DAY,
		scopes: ["user:inference"],
		subscriptionType: "max",
		accountUuid: account,
	};
}

export function fpOf(entry: { refreshToken: string }): Fingerprint {
	return fingerprint(new Secret(entry.refreshToken));
}

/** Answers as a custodian does, as far as a PC can tell. */
export class ScriptedHost implements HostLink {
	readonly asked: Request["type"][] = [];
	readonly delivered: Fingerprint[] = [];
	readonly states = new Map<Fingerprint, "staged" | "claimed" | "withdrawn" | "spent">();
	/** Given back to an offer instead of an acceptance. */
	declines: Extract<AnswerBody, { type: "decline" }>["reason"] | undefined;
	/** Answers for the next requests of a type, before those of its own. */
	readonly scripted = new Map<Request["type"], AnswerBody[]>();
	/** Thrown for each request while it is set. */
	down: Error | undefined;

	async ask(request: Request): Promise<Answer> {
		if (this.down !== undefined) throw this.down;
		this.asked.push(request.type);
		const body = this.scripted.get(request.type)?.shift() ?? this.#answer(request);
		return { v: 1, id: request.id, disarm: [], ...body } as Answer;
	}

	close(): void {}

	#answer(request: Request): AnswerBody {
		if (request.type === "status") return { type: "status", state: "none", sinks: [] };
		const { fp } = request;
		switch (request.type) {
			case "offer":
				if (this.states.get(fp) === "claimed") return claimed(fp);
				if (this.declines !== undefined) return { type: "decline", fp, reason: this.declines };
				return { type: "accept", fp, nonce: "0".repeat(32), goodForMs: 600_000 };
			case "deliver":
				this.delivered.push(fp);
				if (!this.states.has(fp)) this.states.set(fp, "staged");
				return this.#custody(fp);
			case "custody":
				// The claim takes until the first question.
				if (this.states.get(fp) === "staged") this.states.set(fp, "claimed");
				return this.#custody(fp);
			case "withdraw":
				if (this.states.get(fp) !== "claimed") this.states.set(fp, "withdrawn");
				return this.#custody(fp);
			case "erased":
				return { type: "noted", fp };
		}
	}

	#custody(fp: Fingerprint): AnswerBody {
		const state = this.states.get(fp);
		if (state === undefined) return { type: "unknown", fp };
		return state === "claimed" ? claimed(fp) : { type: state, fp };
	}
}

function claimed(fp: Fingerprint): AnswerBody {
	return {
		type: "claimed",
		fp,
		lineageId: lineageIdOf(fp),
		generation: 1,
		proof: "1".repeat(64),
	};
}
