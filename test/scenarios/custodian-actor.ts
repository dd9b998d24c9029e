/** The custodian in a transcript: commands become events of `decideCustody`, effects become lines. */

import type { AskVerdict } from "@baton/core/ask-verdict";
import {
	type CustodyRecord,
	type CustodyState,
	DEFAULT_RULES,
	emptyRecord,
	type Lineage,
	type Past,
	type Phase,
} from "@baton/core/custody-state";
import {
	type CustodyDecision,
	type CustodyEvent,
	decideCustody,
	startCustody,
} from "@baton/core/decide-custody";
import { HOUR } from "@baton/core/duration";
import type { CustodyEffect } from "@baton/core/effect";
import type { DisarmOutcome } from "@baton/core/import-login";
import { generationProof } from "@baton/core/lineage";
import type { HarvestOutcome, ProbeOutcome, RefreshOutcome } from "@baton/core/oauth";
import { nextWake } from "@baton/core/plan-custody";
import type { AnswerBody, Request } from "@baton/core/protocol";
import type { RevokeOutcome, RevokeVerdict } from "@baton/core/revoke-verdict";
import { formatEntry, type Session, sessionFingerprint } from "@baton/core/session";
import {
	BEGINNING,
	fpOf,
	letterOf,
	lineageOf,
	nameOf,
	noteLine,
	sessionOf,
	setupToken,
	type Told,
	tokensOf,
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

const PROOF_KEY = "5a".repeat(32);
const YEAR = 365 * 24 * HOUR;

export class CustodianActor implements Actor {
	/** Everything any decision asked for, to be searched for leaks. */
	readonly effects: CustodyEffect[] = [];
	/** Every change of the record on disk. */
	readonly persisted: Persisted<CustodyRecord>[] = [];
	#rules = DEFAULT_RULES;
	#state: CustodyState | undefined;
	#onDisk: CustodyRecord = emptyRecord("default", PROOF_KEY);
	#snapshot = this.#onDisk;
	#now = BEGINNING;
	readonly #told = new Map<string, Told>();
	#nonces = 0;
	readonly #nonceOf = new Map<string, number>();
	#lastOperation = 0;

	act(words: Words, now: number): Acted {
		this.#now = BEGINNING + now;
		if (words.take("given")) return this.#given(words);
		if (words.take("snapshot")) {
			this.#snapshot = this.#onDisk;
			return { lines: [] };
		}
		if (words.take("put snapshot back")) {
			this.#onDisk = this.#snapshot;
			return { lines: [] };
		}
		if (words.take("start")) return { lines: this.#start() };
		if (words.take("wake")) return this.#wake();
		return { lines: this.#decide(this.#event(words)) };
	}

	// What went before the story

	#given(words: Words): Acted {
		if (words.take("policy")) {
			const before = words.option("before");
			const every = words.option("every");
			const policy = { before: time(before), every: time(every) };
			this.#rules = { ...this.#rules, policy };
			return { lines: [] };
		}
		if (words.take("kills old access tokens")) {
			this.#onDisk = { ...this.#onDisk, learnt: { killsOldAccess: 2 } };
			return { lines: [] };
		}
		const name = words.next();
		if (words.take("is held")) {
			this.#hold(name);
			return { lines: [] };
		}
		const told: Told = {
			account: words.flag("nameless") ? undefined : (words.option("of") ?? "me"),
			expiresAt: this.#expiryOf(words),
			deadline: words.flag("undated")
				? undefined
				: (time(words.option("ends")) ?? usualTold(name).deadline),
		};
		this.#told.set(name[0] ?? "", told);
		return { lines: [] };
	}

	/** Counted from now, as a login is mostly handed over as soon as it is made. */
	#expiryOf(words: Words): number | undefined {
		if (words.flag("endless")) return undefined;
		if (words.flag("blanked")) return -BEGINNING;
		return this.#now - BEGINNING + (time(words.option("lives")) ?? 8 * HOUR);
	}

	/** A hand-over as it mostly goes, through the real decisions: A0 is claimed, A1 is held. */
	#hold(letter: string): void {
		const first = `${letter}0`;
		const outcome = { kind: "rotated", tokens: tokensOf(`${letter}1`, 8 * HOUR) } as const;
		const events: (() => CustodyEvent)[] = [
			() => this.#request({ type: "offer", ...this.#offer(first), replace: true }, "laptop"),
			() => this.#request(this.#deliver(first), "laptop"),
			() => this.#outcome({ type: "probed", outcome: { kind: "good", account: "me" } }),
			() => this.#outcome({ type: "sinks-proved", writable: 2, total: 2 }),
			() => this.#outcome({ type: "refreshed", outcome }),
			() => this.#outcome({ type: "probed", outcome: { kind: "unknown" } }),
			() => this.#confirmed(`${letter.toLowerCase()}1`),
		];
		this.#start();
		for (const event of events) this.#decide(event());
		if (this.#onDisk.current?.phase.name !== "held") throw new Error(`${letter} is not held`);
	}

	// Running

	#start(): string[] {
		return this.#settle(startCustody(this.#onDisk, this.#rules, this.#now, 0));
	}

	#decide(event: CustodyEvent): string[] {
		if (this.#state === undefined) this.#start();
		return this.#settle(decideCustody(this.state, event, this.#now));
	}

	get state(): CustodyState {
		if (this.#state === undefined) throw new Error("the service does not run");
		return this.#state;
	}

	#settle(decision: CustodyDecision): string[] {
		this.#state = decision.state;
		this.effects.push(...decision.effects);
		return decision.effects.map((effect) => this.#perform(effect));
	}

	#wake(): Acted {
		const at = nextWake(this.state, this.#now);
		if (!Number.isFinite(at)) return { lines: ["nothing is due"] };
		const woken = Math.max(at, this.#now);
		this.#now = woken;
		const lines = this.#decide({ type: "tick", random: 0 });
		return { lines: [`at ${since(woken)}`, ...lines], now: woken - BEGINNING };
	}

	// Commands to events

	#event(words: Words): CustodyEvent {
		if (words.take("tick")) return { type: "tick", random: 0 };
		if (words.take("clock jumped by"))
			return { type: "clock-jumped", by: words.duration(), random: 0 };
		if (words.take("clock jumped")) return { type: "clock-jumped", by: 0, random: 0 };
		if (words.take("refresh asked")) {
			return { type: "refresh-asked", key: "r", force: words.flag("force"), random: 0 };
		}
		if (words.take("revoke asked")) return { type: "revoke-asked", key: "r", random: 0 };
		if (words.take("forget")) return { type: "device-forgotten", device: words.next(), random: 0 };
		if (words.take("import")) return this.#import(words);
		if (words.take("sinks hold")) return this.#confirmed(words.next());
		const stale = words.take("stale");
		if (words.take("source")) {
			return this.#outcome({ type: "source-disarmed", outcome: disarmOutcome(words) }, stale);
		}
		const outcome = outcomeEvent(words, this.#now);
		if (outcome !== undefined) return this.#outcome(outcome, stale);
		return this.#requestEvent(words);
	}

	/** `import A0 from /f`, `import s0`. */
	#import(words: Words): CustodyEvent {
		const name = words.next();
		this.#nonces += 1;
		return {
			type: "import",
			key: "r",
			session: this.#session(name),
			path: words.option("from"),
			replace: words.flag("replace"),
			nonce: nonceText(this.#nonces),
			random: 0,
		};
	}

	#confirmed(name: string): CustodyEvent {
		return { type: "sinks-confirmed", access: fpOf(name), random: 0 };
	}

	#outcome(event: Outcome, stale = false): CustodyEvent {
		const id = this.state.run.operation?.id ?? this.#lastOperation;
		return { ...event, id: stale ? id - 1 : id, random: 0 } as CustodyEvent;
	}

	#requestEvent(words: Words): CustodyEvent {
		const device = words.option("from") ?? "laptop";
		const holds = words.options("holding").map(fpOf);
		const forged = words.flag("forged");
		const witness = words.options("witness").map((text) => witnessOf(text, forged));
		const body = this.#requestBody(words);
		return this.#request({ ...body, holds, witness }, device);
	}

	#requestBody(words: Words): RequestBody {
		const type = words.next();
		if (type === "status") return { type };
		const name = words.next();
		const fp = fpOf(name);
		switch (type) {
			case "custody":
			case "withdraw":
			case "erased":
				return { type, fp };
			case "offer": {
				const { expiresAt: _hushed, ...offer } = this.#offer(name);
				const whole = words.flag("hushed") ? offer : this.#offer(name);
				const blank = words.flag("blank") ? { expiresAt: 0 } : {};
				return { type, ...whole, ...blank, replace: words.flag("replace") };
			}
			case "deliver":
				return this.#deliver(name, words.option("nonce"), words.option("with"));
			default:
				return words.fail("no command");
		}
	}

	#request(
		body: RequestBody & { holds?: Request["holds"]; witness?: Request["witness"] },
		device: string,
	): CustodyEvent {
		this.#nonces += 1;
		const request = { v: 1, id: "r", name: "default", holds: [], witness: [], ...body } as Request;
		return {
			type: "request",
			key: "r",
			device,
			request,
			nonce: nonceText(this.#nonces),
			random: 0,
		};
	}

	#offer(name: string): Omit<Extract<RequestBody, { type: "offer" }>, "type" | "replace"> {
		const { account, expiresAt, deadline } = this.#session(name);
		return {
			fp: fpOf(name),
			lineageId: fpOf(name).slice(0, 16),
			kind: isSetupToken(name) ? "setup-token" : "login",
			...(account === undefined ? {} : { account }),
			...(expiresAt === undefined ? {} : { expiresAt }),
			...(deadline === undefined ? {} : { deadline }),
		};
	}

	#deliver(name: string, nonce?: string, content?: string): RequestBody {
		const known = nonce === undefined ? this.#nonceOf.get(name) : Number(nonce);
		const session = formatEntry(this.#session(content ?? name));
		return {
			type: "deliver",
			fp: fpOf(name),
			nonce: nonceText(known ?? 0),
			session: isSetupToken(name) ? { ...session, kind: "setup-token" } : session,
		};
	}

	#session(name: string): Session {
		if (isSetupToken(name)) return setupToken(name, YEAR);
		const letter = name[0] ?? "";
		const expiresAt = this.#now - BEGINNING + 8 * HOUR;
		const told = this.#told.get(letter) ?? { ...usualTold(name), expiresAt };
		this.#told.set(letter, told);
		return sessionOf(name, told);
	}

	// Effects to lines

	#perform(effect: CustodyEffect): string {
		if ("id" in effect) this.#lastOperation = effect.id;
		switch (effect.type) {
			case "persist": {
				const before = parts(this.#onDisk);
				this.persisted.push({ before: this.#onDisk, after: effect.record });
				this.#onDisk = effect.record;
				return `persist ${changedParts(before, parts(effect.record))}`;
			}
			case "publish":
				return `publish ${nameOf(effect.token.accessFp)}`;
			case "answer":
				return this.#answer(effect);
			case "verdict":
				return verdictLine(effect.verdict);
			case "revocation":
				return revocationLine(effect.verdict);
			case "clear-sinks":
				return "clear sinks";
			case "revoke":
				return `log out ${nameOf(sessionFingerprint(effect.session))}`;
			case "probe":
				return `probe ${nameOf(fingerprintOf(effect.accessToken))}`;
			case "prove-sinks":
				return "prove sinks";
			case "harvest":
				return `harvest for ${effect.role} ${nameOf(effect.fp)}`;
			case "disarm-source":
				return `disarm ${effect.path} ${nameOf(effect.fp)}`;
			case "refresh":
				return `refresh ${effect.role} ${nameOf(fingerprintOf(effect.session.refreshToken))}`;
			case "note":
				return noteLine(effect);
		}
	}

	#answer({ body, disarm }: Extract<CustodyEffect, { type: "answer" }>): string {
		if (body.type === "accept") this.#nonceOf.set(nameOf(body.fp), Number.parseInt(body.nonce, 16));
		const copies = disarm.map(({ fp, state }) => `, ${nameOf(fp)} is ${state} here`);
		return `answer ${answerText(body)}${copies.join("")}`;
	}
}

type RequestBody = Request extends infer R
	? R extends Request
		? Omit<R, "v" | "id" | "name" | "holds" | "witness">
		: never
	: never;

type Outcome =
	| { type: "probed"; outcome: ProbeOutcome }
	| { type: "sinks-proved"; writable: number; total: number }
	| { type: "harvested"; outcome: HarvestOutcome }
	| { type: "source-disarmed"; outcome: DisarmOutcome }
	| { type: "revoked"; outcome: RevokeOutcome }
	| { type: "refreshed"; outcome: RefreshOutcome };

/** What came of the operation under way. */
function outcomeEvent(words: Words, now: number): Outcome | undefined {
	if (words.take("probed")) return { type: "probed", outcome: probeOutcome(words, now) };
	if (words.take("sinks proved")) {
		const writable = Number(words.next());
		const total = words.take("of") ? Number(words.next()) : words.fail("of how many");
		return { type: "sinks-proved", writable, total };
	}
	if (words.take("harvested")) return { type: "harvested", outcome: harvestOutcome(words, now) };
	if (words.take("engine still runs")) return { type: "harvested", outcome: { kind: "running" } };
	if (words.take("logged out")) return { type: "revoked", outcome: { kind: "revoked" } };
	if (words.take("logout")) return { type: "revoked", outcome: revokeOutcome(words) };
	if (words.take("refreshed to")) return { type: "refreshed", outcome: rotated(words, now) };
	if (words.take("refresh")) return { type: "refreshed", outcome: refreshOutcome(words) };
	return undefined;
}

function disarmOutcome(words: Words): DisarmOutcome {
	if (words.take("disarmed")) return { kind: "disarmed" };
	if (words.take("changed")) return { kind: "changed" };
	const why = "claude is busy";
	if (words.take("locked")) return { kind: "failed", why, untouched: true };
	return words.take("unsure")
		? { kind: "failed", why, untouched: false }
		: words.fail("no outcome");
}

function probeOutcome(words: Words, now: number): ProbeOutcome {
	if (words.take("good")) {
		const theirNow = theirClock(words, now);
		return { kind: "good", account: words.option("as") ?? "me", theirNow };
	}
	if (words.take("dead")) return { kind: "dead" };
	return words.take("unknown") ? { kind: "unknown" } : words.fail("no outcome of a probe");
}

/** `ahead 5h`: how far the answer's clock is ahead of ours. */
function theirClock(words: Words, now: number): number | undefined {
	const ahead = time(words.option("ahead"));
	return ahead === undefined ? undefined : now + ahead;
}

function rotated(words: Words, now: number): Extract<RefreshOutcome, { kind: "rotated" }> {
	const theirNow = theirClock(words, now);
	const lives = time(words.option("lives")) ?? 8 * HOUR;
	return { kind: "rotated", tokens: tokensOf(words.next(), lives), theirNow };
}

function harvestOutcome(words: Words, now: number): HarvestOutcome {
	if (words.take("nothing")) {
		const until = time(words.option("until"));
		return { kind: "nothing", endedAt: until === undefined ? undefined : BEGINNING + until };
	}
	if (!words.take("refresh")) return rotated(words, now);
	return refreshOutcome(words) as HarvestOutcome;
}

function refreshOutcome(words: Words): RefreshOutcome {
	if (words.take("dead")) return { kind: "dead" };
	if (words.take("not sent")) return { kind: "not-sent" };
	if (words.take("had no reply")) return { kind: "no-reply" };
	if (!words.take("refused")) return words.fail("no outcome of a refresh");
	const retryAfterMs = time(words.option("retry-after"));
	const why = words.next() as Extract<RefreshOutcome, { kind: "refused" }>["why"];
	return { kind: "refused", why, retryAfterMs };
}

function revokeOutcome(words: Words): RevokeOutcome {
	if (words.take("impossible")) return { kind: "impossible", why: "the provider answered 404" };
	return words.take("failed")
		? { kind: "failed", why: "out of reach" }
		: words.fail("no outcome of a logout");
}

/** `A=3`: the PC was told that login A is at generation 3. */
function witnessOf(text: string, forged: boolean): Request["witness"][number] {
	const [letter = "", count = ""] = text.split("=");
	const lineageId = lineageOf(letter);
	const generation = Number(count);
	const key = forged ? "00".repeat(32) : PROOF_KEY;
	return { lineageId, generation, proof: generationProof(key, lineageId, generation) };
}

function isSetupToken(name: string): boolean {
	return name.startsWith("s");
}

function nonceText(nonce: number): string {
	return nonce.toString(16).padStart(32, "0");
}

function time(text: string | undefined): number | undefined {
	return text === undefined ? undefined : parseTime(text);
}

function since(now: number): string {
	return formatTime(now - BEGINNING);
}

function verdictLine(verdict: AskVerdict): string {
	if (verdict.kind === "asked") return "verdict asked";
	const from = verdict.from === undefined ? "" : `, from ${since(verdict.from)} on`;
	return `verdict declined: ${verdict.why}${from}`;
}

function revocationLine(verdict: RevokeVerdict): string {
	return verdict.kind === "revoking"
		? "revocation has begun"
		: `revocation declined: ${verdict.why}`;
}

function fingerprintOf(secret: { reveal(): string }): string {
	return fpOf(secret.reveal().split("-").at(-1) ?? "");
}

function answerText(body: AnswerBody): string {
	switch (body.type) {
		case "accept":
			return `accept ${nameOf(body.fp)}, nonce ${Number.parseInt(body.nonce, 16)}`;
		case "decline":
		case "not-taken":
			return `${body.type} ${nameOf(body.fp)}: ${body.reason}`;
		case "spent":
			return `${body.type} ${nameOf(body.fp)}${body.reason === undefined ? "" : `: ${body.reason}`}`;
		case "claimed":
			return `claimed ${nameOf(body.fp)}: ${letterOf(body.lineageId)} is at ${body.generation}`;
		case "status": {
			const need = body.need === undefined ? "" : `, needs a login: ${body.need.reason}`;
			const of =
				body.lineageId === undefined ? "" : ` ${letterOf(body.lineageId)} at ${body.generation}`;
			return `status ${body.state}${of}${need}`;
		}
		case "unavailable":
		case "refused":
			return `${body.type}: ${body.reason}`;
		default:
			return `${body.type} ${nameOf(body.fp)}`;
	}
}

/** The record by parts, so that a persist shows what it changes. */
function parts(record: CustodyRecord): Map<string, string> {
	const { current, staged, retiring, account, learnt, past } = record;
	const found: [string, string | undefined][] = [
		["account", account],
		["current", current && lineageText(current)],
		["staged", staged && lineageText(staged)],
		["retiring", retiring && letterOf(retiring.lineageId)],
		...Object.entries(past).map(([fp, was]): [string, string] => [nameOf(fp), pastText(was)]),
		["showings", learnt.killsOldAccess === 0 ? undefined : String(learnt.killsOldAccess)],
	];
	return new Map(found.filter((part): part is [string, string] => part[1] !== undefined));
}

function lineageText(lineage: Lineage): string {
	const { fp, generation, phase, account, erasedAt, imported, warned, askedToWait, ahead } =
		lineage;
	const whose = account === undefined ? "" : `, of ${account}`;
	const erased = erasedAt === undefined || imported !== undefined ? "" : ", erased on the PC";
	const end = warned === undefined ? "" : `, warned of ${warned.days}d`;
	const wait = askedToWait === undefined ? "" : ", asked to wait";
	const clock = ahead ? `, provider ahead ${formatTime(ahead)}` : "";
	const origin = originText(imported);
	return `${nameOf(fp)} at ${generation} ${phaseText(phase)}${whose}${erased}${origin}${end}${wait}${clock}`;
}

function originText(imported: Lineage["imported"]): string {
	if (imported === undefined) return "";
	const { path, state } = imported;
	return path === undefined ? ", typed in" : `, ${state} in ${path}`;
}

function phaseText(phase: Phase): string {
	switch (phase.name) {
		case "staged":
			return phase.served ? "staged, served" : "staged";
		case "in-doubt":
			return phase.lateTryAt === undefined ? "in doubt" : "in doubt, late try counted";
		case "needs-login":
			return `needs login: ${phase.reason}`;
		case "rolled-back":
			return `rolled back from ${phase.witnessed}`;
		default:
			return phase.name;
	}
}

function pastText(past: Past): string {
	return past.was === "not-taken" ? `not taken: ${past.reason}` : past.was;
}
