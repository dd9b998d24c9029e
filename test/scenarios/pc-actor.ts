/** The PC in a transcript: commands become events of `decideHandover`, effects become lines. */

import type { StoreView } from "@baton/core/classify-login";
import type { Reading } from "@baton/core/credentials-file";
import {
	decideHandover,
	type HandoverDecision,
	type HandoverEvent,
	startHandover,
} from "@baton/core/decide-handover";
import type { HandoverEffect, OutgoingRequest } from "@baton/core/effect";
import {
	DEFAULT_PC_TIMING,
	EMPTY_PC_RECORD,
	type EscrowFacts,
	type Handover,
	type Host,
	type HostRules,
	type Known,
	type PcRecord,
	type PcState,
} from "@baton/core/handover-state";
import { nextPcWake } from "@baton/core/plan-handover";
import type { Answer, AnswerBody } from "@baton/core/protocol";
import type { Session } from "@baton/core/session";
import {
	BEGINNING,
	fpOf,
	letterOf,
	lineageOf,
	nameOf,
	noteLine,
	sessionOf,
	token,
	usualTold,
} from "./cast.ts";
import {
	type Acted,
	type Actor,
	changedParts,
	formatTime,
	type Persisted,
	parseTime,
	type Words,
} from "./transcript.ts";

const PROOF = "9b".repeat(32);
const NONCE = "0c".repeat(16);

export class PcActor implements Actor {
	/** Everything any decision asked for, to be searched for leaks. */
	readonly effects: HandoverEffect[] = [];
	/** Every change of the record on disk. */
	readonly persisted: Persisted<PcRecord>[] = [];
	#hosts: Record<Host, HostRules> = {};
	#state: PcState | undefined;
	#onDisk: PcRecord = EMPTY_PC_RECORD;
	#now = BEGINNING;
	#runs = 0;
	/** The last request to each host that left. */
	readonly #sent = new Map<Host, { id: string; fp: string | undefined }>();

	act(words: Words, now: number): Acted {
		this.#now = BEGINNING + now;
		if (words.take("host")) {
			this.#configure(words);
			return { lines: [] };
		}
		if (words.take("start")) return { lines: this.#start(words) };
		if (words.take("wake")) return this.#wake();
		return { lines: this.#decide(this.#event(words)) };
	}

	#configure(words: Words): void {
		const host = words.next();
		if (words.flag("gone")) {
			const { [host]: _gone, ...others } = this.#hosts;
			this.#hosts = others;
			return;
		}
		const mode = words.flag("dedicated") ? "dedicated" : "follow-login";
		const followLogin = words.flag("when-asked") ? "when-asked" : "when-needed";
		words.flag("when-needed");
		this.#hosts = { ...this.#hosts, [host]: { name: "default", mode, followLogin } };
	}

	// Running

	#start(words: Words): string[] {
		const escrows = words.options("escrow").map((name) => this.#escrow(name, words));
		this.#runs += 1;
		const rules = { hosts: this.#hosts, timing: DEFAULT_PC_TIMING };
		const run = `run${this.#runs}`;
		return this.#settle(startHandover(this.#onDisk, escrows, rules, run, this.#now));
	}

	#escrow(name: string, words: Words): EscrowFacts {
		const { fp, session } = loginOf(name, words);
		return {
			fp,
			accessFp: fpOf(name.toLowerCase()),
			host: words.option("for") ?? Object.keys(this.#hosts)[0] ?? words.fail("which host"),
			store: words.option("of") ?? "normal",
			account: session.account,
			expiresAt: session.expiresAt,
			deadline: session.deadline,
		};
	}

	#decide(event: HandoverEvent): string[] {
		return this.#settle(decideHandover(this.state, event, this.#now));
	}

	get state(): PcState {
		if (this.#state === undefined) throw new Error("nothing was started");
		return this.#state;
	}

	#settle(decision: HandoverDecision): string[] {
		this.#state = decision.state;
		this.effects.push(...decision.effects);
		return decision.effects.map((effect) => this.#perform(effect));
	}

	#wake(): Acted {
		const at = nextPcWake(this.state);
		if (!Number.isFinite(at)) return { lines: ["nothing is due"] };
		this.#now = Math.max(at, this.#now);
		const lines = this.#decide({ type: "tick", random: 0.5 });
		const now = this.#now - BEGINNING;
		return { lines: [`at ${formatTime(now)}`, ...lines], now };
	}

	// Commands to events. Chance is 0.5, at which a quarter of an hour is one.

	#event(words: Words): HandoverEvent {
		const random = 0.5;
		const { lock } = this.state.run;
		if (words.take("tick")) return { type: "tick", random };
		if (words.take("woken")) return { type: "woken", random };
		if (words.take("store")) {
			const store = words.next();
			return { type: "store-read", store, reading: readingOf(words), random };
		}
		if (words.take("looked")) {
			const look = this.state.run.opening?.look ?? words.fail("no look was asked for");
			return { type: "store-read", store: "normal", reading: readingOf(words), look, random };
		}
		if (words.take("locked")) {
			return { type: "store-locked", id: lock?.id ?? 0, reading: readingOf(words), random };
		}
		if (words.take("busy")) return { type: "store-busy", id: lock?.id ?? 0, random };
		if (words.take("disarmed")) return { type: "disarmed", fp: fpOf(words.next()), random };
		if (words.take("restored")) return { type: "restored", fp: fpOf(words.next()), random };
		if (words.take("erased")) return { type: "escrow-erased", fp: fpOf(words.next()), random };
		if (words.take("failed")) {
			const effect = words.next() as Extract<HandoverEvent, { type: "effect-failed" }>["effect"];
			return { type: "effect-failed", effect, fp: fpOf(words.next()), why: "disk full", random };
		}
		return this.#personEvent(words) ?? this.#hostEvent(words);
	}

	#personEvent(words: Words): HandoverEvent | undefined {
		const random = 0.5;
		const replace = words.flag("replace");
		if (words.take("permit for")) {
			const host = words.next();
			const reading = words.take("while it holds") ? readingOf(words) : this.#shown("normal");
			return { type: "permit-asked", host, replace, reading, random };
		}
		if (words.take("hand over to")) {
			const host = words.next();
			const store = words.take("from") ? words.next() : "normal";
			return { type: "handover-asked", host, store, replace, reading: readingOf(words), random };
		}
		if (words.take("take back from")) {
			return { type: "take-back-asked", host: words.next(), force: words.flag("force"), random };
		}
		return undefined;
	}

	/** The store as it was last seen, for a person's command that reads it again. */
	#shown(store: string): Reading {
		const fp = this.state.record.stores[store]?.fp;
		if (fp === undefined) return { kind: "blank", session: undefined };
		const name = nameOf(fp);
		return { kind: "login", fp, session: sessionOf(name, usualTold(name)) };
	}

	#hostEvent(words: Words): HandoverEvent {
		const random = 0.5;
		const host = words.next().replace(/:$/, "");
		if (this.#hosts[host] === undefined) return words.fail("no command");
		const sent = this.#sent.get(host) ?? words.fail("nothing was sent");
		if (words.take("no answer")) {
			return { type: "link-failed", host, requestId: sent.id, why: "no route", random };
		}
		const disarm = words.options("disarm").map((text) => {
			const [name = "", state] = text.split("=");
			return { fp: fpOf(name), state: state === "current" ? "current" : "retired" } as const;
		});
		const id = words.flag("stale") ? "run0-0" : sent.id;
		const fp = words.option("about");
		const body = answerBody(words, fp === undefined ? (sent.fp ?? "") : fpOf(fp));
		return { type: "answer", host, answer: { v: 1, id, disarm, ...body } as Answer, random };
	}

	// Effects to lines

	#perform(effect: HandoverEffect): string {
		switch (effect.type) {
			case "persist-pc": {
				const before = parts(this.#onDisk);
				this.persisted.push({ before: this.#onDisk, after: effect.record });
				this.#onDisk = effect.record;
				const changed = changedParts(before, parts(effect.record));
				return changed === "" ? "persist contact" : `persist ${changed}`;
			}
			case "send": {
				const fp = "fp" in effect.request ? effect.request.fp : undefined;
				this.#sent.set(effect.host, { id: effect.request.id, fp });
				return `send ${effect.host}: ${requestText(effect.request)}`;
			}
			case "lock-store":
				return `lock ${effect.store} to ${effect.purpose}`;
			case "read-store":
				return `read ${effect.store}`;
			case "unlock-store":
				return `unlock ${effect.store}`;
			case "write-escrow":
				return `write escrow ${nameOf(effect.facts.fp)}`;
			case "erase-escrow":
				return `erase escrow ${nameOf(effect.fp)}`;
			case "disarm-store":
				return `disarm ${effect.store} ${nameOf(effect.fp)}`;
			case "restore-store":
				return `restore ${effect.store} ${nameOf(effect.fp)}`;
			case "note":
				return noteLine(effect);
		}
	}
}

/** `A0`, `A0 undated`, `A0 of you`, `left a0` (disarmed), `blank`, `unreadable`. */
function readingOf(words: Words): Reading {
	if (words.take("blank")) return { kind: "blank", session: undefined };
	if (words.take("unreadable")) return { kind: "unreadable", why: "half-written" };
	if (words.take("left")) return { kind: "blank", session: accessOnly(words.next()) };
	return loginOf(words.next(), words);
}

function loginOf(name: string, words: Words): Extract<Reading, { kind: "login" }> {
	const told = usualTold(name);
	const ends = words.option("ends");
	const deadline = ends === undefined ? told.deadline : parseTime(ends);
	const session = sessionOf(name, {
		...told,
		account: words.option("by") ?? told.account,
		deadline: words.flag("undated") ? undefined : deadline,
	});
	return { kind: "login", fp: fpOf(name), session };
}

function accessOnly(name: string): Session {
	const { refreshToken: _gone, ...rest } = sessionOf(name.toUpperCase(), usualTold(name));
	return { ...rest, accessToken: token(name), refreshToken: undefined };
}

function answerBody(words: Words, fp: string): AnswerBody {
	const type = words.next();
	switch (type) {
		case "accept":
			return { type, fp, nonce: NONCE, goodForMs: 600_000 };
		case "decline":
			return { type, fp, reason: words.next() as "healthy" };
		case "not-taken":
			return { type, fp, reason: words.next() as "dead" };
		case "claimed":
			return {
				type,
				fp,
				lineageId: fp.slice(0, 16),
				generation: generationOf(words),
				proof: PROOF,
			};
		case "status":
			return statusBody(words);
		case "unavailable":
		case "refused":
			return { type, reason: "stopping" };
		default:
			return { type: type as "staged", fp };
	}
}

function generationOf(words: Words): number {
	return words.take("at") ? Number(words.next()) : 1;
}

function statusBody(words: Words): AnswerBody {
	const need = words.option("need");
	const [id = "", reason = "none-yet"] = need?.split("=") ?? [];
	const of = words.option("of");
	const [letter = "", generation = "1"] = of?.split("=") ?? [];
	const ends = words.option("ends");
	const told = { lineageId: lineageOf(letter), generation: Number(generation), proof: PROOF };
	return {
		type: "status",
		state: words.next() as "held",
		sinks: [],
		...(of === undefined ? {} : told),
		...(ends === undefined ? {} : { deadline: BEGINNING + (parseTime(ends) ?? 0) }),
		...(need === undefined ? {} : { need: { id, reason: reason as "none-yet" } }),
	};
}

function requestText(request: OutgoingRequest): string {
	const fp = "fp" in request ? ` ${nameOf(request.fp)}` : "";
	const replace = request.type === "offer" && request.replace ? " replace" : "";
	const holds = request.holds.map((held) => `, holding ${nameOf(held)}`);
	const witness = request.witness.map(
		({ lineageId, generation }) => `, witness ${letterOf(lineageId)}=${generation}`,
	);
	return [`${request.type}${fp}${replace}`, ...holds, ...witness].join("");
}

/** The record by parts, so that a persist shows what it changes. */
function parts(record: PcRecord): Map<string, string> {
	const { handovers, stores, permit, known, hosts } = record;
	const permitText =
		permit && `for ${permit.host} by ${permit.by}${permit.replace ? ", replace" : ""}`;
	return new Map([
		...handovers.map((one): [string, string] => [nameOf(one.fp), handoverText(one)]),
		...(permitText === undefined ? [] : [["permit", permitText] as [string, string]]),
		...Object.entries(stores).map(([store, view]): [string, string] => [store, viewText(view)]),
		...Object.entries(known).map(([fp, one]): [string, string] => [
			`(${nameOf(fp)}`,
			`${knownText(one)})`,
		]),
		...Object.entries(hosts).flatMap(([host, { witness, need }]): [string, string][] => [
			...Object.entries(witness).map(([lineageId, { generation }]): [string, string] => [
				"witness",
				`${letterOf(lineageId)}=${generation}`,
			]),
			...(need === undefined ? [] : [[host, `needs a login: ${need}`] as [string, string]]),
		]),
	]);
}

function handoverText({ step, host, takeBack, reason, putBackBegun }: Handover): string {
	const more = [
		takeBack === undefined ? undefined : `take-back ${takeBack}`,
		reason,
		putBackBegun ? "begun" : undefined,
	];
	const shown = more.filter((word) => word !== undefined);
	return [`${step} for ${host}`, ...shown].join(", ");
}

function viewText({ fp, lastFp }: StoreView): string {
	if (fp !== undefined) return `shows ${nameOf(fp)}`;
	return lastFp === undefined ? "is blank" : `is blank after ${nameOf(lastFp)}`;
}

function knownText({ was, toWithdraw }: Known): string {
	const own = toWithdraw ? "is the PC's own, to be withdrawn" : "is the PC's own";
	return was === "own" ? own : was;
}
