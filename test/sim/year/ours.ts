/** The real custodian on the year's machine, and the PC that hands it its logins. */

import type { CustodyRecord } from "@baton/core/custody-state";
import { type CustodyRules, emptyRecord } from "@baton/core/custody-state";
import { MINUTE } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { judgeRefresh, type RefreshOutcome } from "@baton/core/oauth";
import { type Answer, PROTOCOL_VERSION, type Request } from "@baton/core/protocol";
import type { ArmedSession, Session } from "@baton/core/session";
import type { Clock } from "@baton/io/clock";
import { Custodian } from "../../../packages/vps/src/custodian.ts";
import type { Oracle, SeenVps } from "../oracle.ts";
import type { Provider } from "../provider.ts";
import type { Random } from "../random.ts";
import type { Timeline } from "../timeline.ts";
import type { Line } from "./line.ts";
import type { Machine, Tenant } from "./machine.ts";
import { spanOver, type Year } from "./weather.ts";

export interface OursParts {
	readonly year: Year;
	readonly timeline: Timeline;
	readonly random: Random;
	readonly provider: Provider;
	readonly machine: Machine;
	readonly line: Line;
	readonly oracle: Oracle;
	readonly rules: CustodyRules;
	/** What the engine makes of the provider's answers; another one only to see it caught. */
	readonly judge: (outcome: RefreshOutcome) => RefreshOutcome;
	readonly seeClock: (clock: Clock) => Clock;
	readonly looksAround: boolean;
	tell(line: () => string): void;
	/** The consumer has been given a token. */
	onServed(session: Session): void;
	/** Only a person can help. */
	onNeed(): void;
}

/** How long a custodian sleeps when nothing is to be done. */
const LONGEST_SLEEP = MINUTE;

export class Ours implements Tenant, SeenVps {
	readonly disk: { record: CustodyRecord | undefined; sinkWritten: boolean };
	readonly sink = { exists: false, session: undefined };
	readonly process = undefined;
	readonly rollbackAt = undefined;
	readonly witnessed = new Map<string, number>();
	refreshes = 0;
	checks = 0;
	warnings = 0;
	#custodian: Custodian | undefined;
	#fault: unknown;
	readonly #parts: OursParts;

	constructor(parts: OursParts) {
		this.#parts = parts;
		const record = emptyRecord("default", parts.random.hex(64));
		this.disk = { record, sinkWritten: false };
	}

	/** @throws what ended a custodian that should have gone on */
	check(): void {
		if (this.#fault !== undefined) throw this.#fault;
	}

	/** Until when nothing is served for want of a PC's word, true time ms; 0 if it is not so. */
	get pcAwaitedUntil(): number {
		const until = this.#custodian?.view().pcAwaitedUntil;
		return until === undefined ? 0 : this.#parts.machine.trueTime(until);
	}

	boot(): void {
		const { machine, line, rules, seeClock, looksAround, tell } = this.#parts;
		const { record } = this.disk;
		if (record === undefined) return;
		tell(() => `boots, ${record.current?.phase.name ?? "no login"}`);
		line.forgetRetryAfter();
		const custodian: Custodian = new Custodian({
			record,
			rules,
			engine: {
				refresh: (session) => this.#refresh(session),
				harvest: async () => ({ kind: "nothing", endedAt: undefined }),
				settled: async () => {},
			},
			probe: async (token) => {
				this.checks += 1;
				const { awake } = machine.presence();
				const outcome = await line.probe(token.reveal());
				await awake();
				return outcome;
			},
			// Nobody ends a login in a year of this.
			revoke: () => new Promise(() => undefined),
			sinks: [
				{
					name: "consumer",
					prove: async () => this.#needDisk(),
					write: async (token) => {
						this.#needDisk();
						this.#parts.onServed(token.session);
						return { kind: "written", disarmed: undefined };
					},
				},
			],
			store: { load: async () => undefined, save: async (after) => this.#save(after) },
			clock: seeClock(machine.clock(LONGEST_SLEEP, () => custodian.view().nextAt, looksAround)),
			onNote: (note) => {
				if (note.level === "warn") this.warnings += 1;
				if (note.what === "needs-login" || note.what === "rolled-back") this.#parts.onNeed();
				this.#parts.oracle.said(note);
				tell(() => `${note.level} ${note.what} ${note.reason ?? ""} gen ${note.generation ?? "-"}`);
			},
			onTrouble: (trouble) => tell(() => `trouble ${trouble?.reason ?? "over"}`),
			onFault: (fault) => {
				this.#fault = fault;
			},
		});
		this.#custodian = custodian;
		custodian.run().catch((fault: unknown) => {
			this.#fault = fault;
		});
	}

	stop(): void {
		this.#parts.tell(() => "is stopped");
		this.#custodian?.stop();
	}

	kill(): void {
		this.#parts.tell(() => "is away");
		this.#custodian = undefined;
		this.#parts.oracle.vpsCrashed();
	}

	disturbed(): void {
		this.#parts.tell(() => "wakes, or its clock is set");
		this.#parts.line.forgetRetryAfter();
	}

	/** A request from a device; `reply` may never be called. */
	receive(device: string, request: Request, reply: (answer: Answer) => void): void {
		const { machine, oracle, year, timeline } = this.#parts;
		const custodian = this.#custodian;
		const isCut = year.barriers.some(
			({ kind, from, until }) =>
				kind === "no-network" && from <= timeline.now && timeline.now < until,
		);
		if (custodian === undefined || machine.isAsleep || isCut) return;
		void custodian.request(device, request).then(({ body, disarm }) => {
			if (this.#custodian !== custodian) return;
			const answer = {
				...body,
				v: PROTOCOL_VERSION,
				id: request.id,
				disarm: [...disarm],
			} as Answer;
			oracle.answered(this, answer);
			reply(answer);
		});
	}

	async #refresh(session: ArmedSession): Promise<RefreshOutcome> {
		const { line, machine, oracle, provider, judge, tell } = this.#parts;
		const token = session.refreshToken.reveal();
		const presence = machine.presence();
		oracle.refreshSent(this, token);
		let rotated = false;
		const fate = await line.refresh(token, ({ refreshToken }) => {
			rotated = true;
			this.refreshes += 1;
			if (refreshToken === undefined) return;
			oracle.rotatedByVps(presence.isAlive(), refreshToken.reveal());
		});
		if (rotated && fate.kind !== "response") provider.loseReply(token, "vps");
		await presence.awake();
		const outcome = judge(
			fate.kind === "response" ? judgeRefresh(fate.response, machine.now) : { kind: fate.kind },
		);
		tell(() => `refresh: ${outcome.kind}${outcome.kind === "refused" ? ` ${outcome.why}` : ""}`);
		return outcome;
	}

	#save(after: CustodyRecord): void {
		this.#needDisk();
		const { oracle } = this.#parts;
		oracle.custodyPersisted(this.disk.record, after);
		this.disk.record = after;
		oracle.copiesChanged("the custodian persists");
	}

	#needDisk(): void {
		const { year, timeline } = this.#parts;
		if (spanOver(year.fullDisk, timeline.now) === undefined) return;
		throw new BatonError("disk-failed", "the disk is full");
	}
}
