/**
 * The VPS: the real custody and publishing decisions on a simulated disk, process and engine.
 *
 * What is on `disk` was synced. Everything else goes with the process, which may end before or after
 * any effect.
 */

import { isOurs } from "@baton/core/answer-custody";
import type { CustodyRecord, CustodyState, ServedToken } from "@baton/core/custody-state";
import { emptyRecord } from "@baton/core/custody-state";
import type { CustodyEvent } from "@baton/core/decide-custody";
import { nextWrite } from "@baton/core/decide-publish";
import { HOUR, MINUTE, SECOND } from "@baton/core/duration";
import type { CustodyEffect } from "@baton/core/effect";
import type { DisarmOutcome } from "@baton/core/import-login";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import type { RefreshOutcome } from "@baton/core/oauth";
import { nextWake } from "@baton/core/plan-custody";
import { type Answer, PROTOCOL_VERSION, type Request } from "@baton/core/protocol";
import type { PublishEffect } from "@baton/core/publish-event";
import { type PublishState, startPublish } from "@baton/core/publish-state";
import type { RevokeOutcome } from "@baton/core/revoke-verdict";
import type { ArmedSession, Session } from "@baton/core/session";
import { nextLook } from "@baton/core/settle-look";
import { ClaudeEngine } from "./claude-engine.ts";
import type { World } from "./world.ts";

/** The credentials file that the consumer on the VPS reads. */
export interface SinkFile {
	readonly exists: boolean;
	readonly session: Session | undefined;
}

interface Disk {
	record: CustodyRecord | undefined;
	sinkWritten: boolean;
}

interface Process {
	custody: CustodyState;
	publish: PublishState;
	readonly queue: (() => readonly (CustodyEffect | PublishEffect)[])[];
	performing: boolean;
	/** What is performed now was decided a while ago: the record could not be written. */
	stalled: boolean;
	timer: number;
	readonly open: Map<string, { readonly id: string; readonly reply: (answer: Answer) => void }>;
}

const SINKS = ["file", "program"];
/** Once a minute as in life would be most of what a simulated month does. */
const LOOK_EVERY = 6 * HOUR;
const SINK_FILE = "/sink";

export class VpsNode {
	readonly disk: Disk = { record: undefined, sinkWritten: false };
	sink: SinkFile = { exists: false, session: undefined };
	process: Process | undefined;
	/** Wall clock minus true time, ms. */
	skew = 0;
	asleepUntil = 0;
	/** Raised when an older disk was put back. */
	rollbackAt: number | undefined;
	/** The highest generation that a witness spoke for since then, by lineage. */
	readonly witnessed = new Map<string, number>();
	readonly engine: ClaudeEngine;
	readonly #world: World;
	#serial = 0;

	constructor(world: World) {
		this.#world = world;
		this.engine = new ClaudeEngine(
			world,
			() => this.now,
			() => this.#fateOfRefresh(),
		);
	}

	get now(): number {
		return this.#world.timeline.now + this.skew;
	}

	/** @param another a second service on the same state, which only a fault lets in */
	start(another = false): void {
		if (this.process !== undefined && !another) return;
		const { random, rules } = this.#world;
		const record = this.disk.record ?? emptyRecord("default", random.hex(64));
		this.disk.record ??= record;
		const { state, effects } = rules.startCustody(record, rules.custody, this.now, random.next());
		const process: Process = {
			custody: state,
			publish: startPublish({ sinks: SINKS, looks: ["file"], lookEvery: LOOK_EVERY }),
			queue: [() => effects],
			performing: false,
			stalled: false,
			timer: 0,
			open: new Map(),
		};
		this.process = process;
		this.#world.tell(() => `vps starts, ${record.current?.phase.name ?? "no login"}`);
		this.#work(process);
	}

	crash(): void {
		if (this.process === undefined) return;
		const { timeline, random, oracle } = this.#world;
		this.#world.tell(() => "vps crashes");
		oracle.vpsCrashed();
		this.process = undefined;
		const away = random.chance(0.5) ? 20 * SECOND : 10 * MINUTE;
		timeline.after(random.between(SECOND, away), () => this.start());
	}

	sleep(ms: number): void {
		this.#world.tell(() => `vps sleeps ${Math.round(ms / MINUTE)} min`);
		this.asleepUntil = Math.max(this.asleepUntil, this.#world.timeline.now + ms);
		this.#world.timeline.after(ms, () =>
			this.dispatch({ type: "clock-jumped", by: ms, random: 0.5 }),
		);
	}

	stepClock(ms: number): void {
		this.#world.tell(() => `vps clock steps ${Math.round(ms / MINUTE)} min`);
		this.skew += ms;
		this.dispatch({ type: "clock-jumped", by: ms, random: 0.5 });
	}

	/** A request from a device; `reply` may never be called. */
	receive(device: string, request: Request, reply: (answer: Answer) => void): void {
		const { process } = this;
		if (process === undefined || this.#isAsleep()) return;
		this.#world.oracle.witnessesHeard(this, request);
		const key = `k${this.#serial++}`;
		process.open.set(key, { id: request.id, reply });
		const { random } = this.#world;
		this.dispatch({
			type: "request",
			key,
			device,
			request,
			nonce: random.hex(32),
			random: random.next(),
		});
	}

	/** A command on this machine: take over the login that lies in the sink's file. */
	import(session: Session, replace: boolean): void {
		const { random } = this.#world;
		const key = `k${this.#serial++}`;
		this.dispatch({
			type: "import",
			key,
			session,
			path: SINK_FILE,
			replace,
			nonce: random.hex(32),
			random: random.next(),
		});
	}

	/** A command on this machine: end the login for good. */
	revoke(): void {
		const { random } = this.#world;
		this.dispatch({ type: "revoke-asked", key: `k${this.#serial++}`, random: random.next() });
	}

	dispatch(event: CustodyEvent, to = this.process): void {
		if (to === undefined) return;
		if (this.#isAsleep()) {
			this.#world.timeline.after(this.asleepUntil - this.#world.timeline.now, () =>
				this.dispatch(event, to),
			);
			return;
		}
		to.queue.push(() => {
			const before = to.custody;
			const { state, effects } = this.#world.rules.decideCustody(before, event, this.now);
			to.custody = state;
			this.#world.oracle.custodyStepped(this.now, before, event, state, effects);
			return effects;
		});
		this.#work(to);
	}

	#publish(to: Process, event: Parameters<World["rules"]["decidePublish"]>[1]): void {
		to.queue.push(() => {
			const { state, effects } = this.#world.rules.decidePublish(to.publish, event, this.now);
			to.publish = state;
			return effects;
		});
		this.#work(to);
	}

	#isAsleep(): boolean {
		return this.#world.timeline.now < this.asleepUntil;
	}

	#isAlive(process: Process): boolean {
		return this.process === process || this.#world.rules.twoServices;
	}

	/** Takes one event after another; the effects of each are all performed before the next one. */
	#work(process: Process): void {
		if (process.performing) return;
		const next = process.queue.shift();
		if (next === undefined) return this.#arm(process);
		if (!this.#isAlive(process)) return;
		process.performing = true;
		this.#perform(process, this.#world.rules.reorder(next()), 0);
	}

	#perform(
		process: Process,
		effects: readonly (CustodyEffect | PublishEffect)[],
		index: number,
	): void {
		const { random, faults, timeline } = this.#world;
		for (let i = index; i < effects.length; i += 1) {
			const effect = effects[i];
			if (effect === undefined || !this.#isAlive(process)) return;
			if (effect.type === "persist" && random.chance(faults.diskFull)) {
				process.stalled = true;
				timeline.after(random.between(MINUTE, HOUR), () => this.#perform(process, effects, i));
				return;
			}
			if (random.chance(faults.crash)) return this.crash();
			this.#do(process, effect);
			if (random.chance(faults.crash)) return this.crash();
		}
		process.performing = false;
		process.stalled = false;
		this.#work(process);
	}

	#arm(process: Process): void {
		const timer = ++process.timer;
		const { custody, publish } = process;
		const wake = Math.min(nextWake(custody, this.now), nextWrite(publish), nextLook(publish));
		if (wake === Number.POSITIVE_INFINITY) return;
		const asleep = this.asleepUntil - this.#world.timeline.now;
		this.#world.timeline.after(Math.max(1, wake - this.now, asleep), () => {
			if (this.#isAsleep()) return this.#arm(process);
			if (process.timer !== timer || !this.#isAlive(process)) return;
			this.#publish(process, { type: "tick" });
			this.dispatch({ type: "tick", random: this.#world.random.next() }, process);
		});
	}

	#do(process: Process, effect: CustodyEffect | PublishEffect): void {
		const { oracle, random } = this.#world;
		switch (effect.type) {
			case "persist":
				oracle.custodyPersisted(this.disk.record, effect.record);
				this.disk.record = effect.record;
				this.engine.settled(effect.record);
				oracle.copiesChanged("vps persists");
				return;
			case "publish":
				oracle.published(this, effect.token);
				return this.#publish(process, { type: "token", token: effect.token });
			case "answer": {
				const open = process.open.get(effect.key);
				process.open.delete(effect.key);
				const answer = {
					...effect.body,
					v: PROTOCOL_VERSION,
					id: open?.id ?? "",
					disarm: [...effect.disarm],
				} as Answer;
				oracle.answered(this, answer);
				return open?.reply(answer);
			}
			case "probe":
				return this.#probe(process, effect.id, effect.accessToken.reveal());
			case "prove-sinks": {
				const fails = random.chance(this.#world.faults.sinkFails);
				const writable = fails ? random.pick([0, 1]) : SINKS.length;
				return this.#later(process, 5, {
					type: "sinks-proved",
					id: effect.id,
					writable,
					total: SINKS.length,
					random: random.next(),
				});
			}
			case "harvest":
				return this.#later(process, 5, {
					type: "harvested",
					id: effect.id,
					outcome: this.engine.harvest(effect.fp),
					random: random.next(),
				});
			case "disarm-source":
				return this.#disarmSource(process, effect.id, effect.fp, effect.access);
			case "refresh":
				return this.#refresh(process, effect.id, effect.session);
			case "write-sink":
				return this.#writeSink(process, effect.sink, effect.token);
			case "look-at-sink":
				return this.#lookAtSink(process, effect.sink, effect.token);
			case "confirm":
				return this.dispatch(
					{ type: "sinks-confirmed", access: effect.access, random: random.next() },
					process,
				);
			case "revoke":
				return this.#logOut(process, effect.id, effect.session);
			case "clear-sinks":
				return this.#publish(process, { type: "clear" });
			case "clear-sink":
				return this.#clearSink(process, effect.sink);
			case "verdict":
			case "revocation":
				return;
			case "note":
				oracle.said(effect);
				return this.#world.tell(
					() =>
						`vps: ${effect.what} ${effect.reason ?? ""} gen ${effect.generation ?? "-"} ${effect.fp?.slice(0, 6) ?? ""}`,
				);
		}
	}

	#later(process: Process, delay: number, event: CustodyEvent): void {
		this.#world.timeline.after(delay, () => this.dispatch(event, process));
	}

	#disarmSource(process: Process, id: number, fp: Fingerprint, access: Fingerprint): void {
		const { random, faults, timeline } = this.#world;
		timeline.after(random.between(5, 10 * SECOND), () => {
			if (!this.#isAlive(process)) return;
			const failed = random.chance(faults.sinkFails);
			const outcome = failed ? this.#failedDisarm(fp) : this.#disarm(fp, access);
			if (random.chance(10 * faults.crash)) return this.crash();
			this.dispatch({ type: "source-disarmed", id, outcome, random: random.next() }, process);
		});
	}

	#failedDisarm(fp: Fingerprint): DisarmOutcome {
		const reading = this.#readSink();
		const untouched = reading.kind === "login" && reading.fp === fp;
		return { kind: "failed", why: "full", untouched };
	}

	#disarm(fp: Fingerprint, access: Fingerprint): DisarmOutcome {
		const { session } = this.sink;
		const reading = this.#readSink();
		if (session === undefined) return { kind: "changed" };
		if (reading.kind === "blank") {
			return { kind: fingerprint(session.accessToken) === access ? "disarmed" : "changed" };
		}
		if (reading.fp !== fp) return { kind: "changed" };
		this.#world.oracle.sourceDisarmed(this, fp);
		this.sink = { exists: true, session: { ...session, refreshToken: undefined } };
		this.#world.oracle.copiesChanged("source disarmed");
		return { kind: "disarmed" };
	}

	#probe(process: Process, id: number, token: string): void {
		const { provider, random, faults, timeline } = this.#world;
		timeline.after(random.between(20, 400), () => {
			const silent = provider.isDown || random.chance(faults.probeSilent);
			const outcome = silent ? ({ kind: "unknown" } as const) : provider.probe(token);
			this.dispatch({ type: "probed", id, outcome, random: random.next() }, process);
		});
	}

	/** Once sent, the request lives its own life: the provider acts on it even if the VPS is gone. */
	#refresh(process: Process, id: number, session: ArmedSession): void {
		const { provider, random, faults, timeline } = this.#world;
		const token = session.refreshToken.reveal();
		const end = (delay: number, outcome: RefreshOutcome) =>
			this.#later(process, delay, { type: "refreshed", id, outcome, random: random.next() });
		// A decision that waited for the disk may have been overtaken: nothing is spent on it.
		if (process.stalled) return end(1, { kind: "not-sent" });
		if (this.#world.byClaude) return this.engine.refresh(session, (outcome) => end(20, outcome));
		this.#world.oracle.refreshSent(this, token);
		// A provider may sit on a request for longer than anybody waits for its answer.
		const slow = random.chance(faults.refreshReplyLost);
		if (slow) end(60 * SECOND, { kind: "no-reply" });
		const takes = slow ? random.between(2 * SECOND, 110 * SECOND) : random.between(10, 2 * SECOND);
		timeline.after(takes, () => {
			const fate = this.#fateOfRefresh();
			if (fate !== undefined && slow) return;
			if (fate !== undefined) return end(fate.kind === "no-reply" ? 60 * SECOND : 200, fate);
			const outcome = provider.refresh(token, "vps");
			const lost = slow || random.chance(faults.refreshReplyLost);
			if (outcome.kind === "rotated" && outcome.tokens.refreshToken !== undefined) {
				const fresh = outcome.tokens.refreshToken.reveal();
				this.#world.oracle.rotatedByVps(this.#isAlive(process), fresh);
			}
			if (!lost) return end(random.between(20, 3 * SECOND), outcome);
			provider.loseReply(token, "vps");
			if (!slow) end(60 * SECOND, { kind: "no-reply" });
		});
	}

	/** What became of a request that the provider never acted upon. */
	#fateOfRefresh(): RefreshOutcome | undefined {
		const { provider, random, faults } = this.#world;
		if (provider.isDown) {
			if (provider.downAs === "not-sent") return { kind: "not-sent" };
			if (provider.downAs === "dropped") return { kind: "no-reply" };
			return { kind: "refused", why: "server", retryAfterMs: undefined };
		}
		if (random.chance(faults.refreshDropped)) return { kind: "no-reply" };
		if (!random.chance(faults.refreshRefused)) return undefined;
		const why = random.pick(["rate-limited", "forbidden", "server"] as const);
		const retryAfterMs = random.chance(0.5) ? random.between(SECOND, HOUR) : undefined;
		return { kind: "refused", why, retryAfterMs };
	}

	#logOut(process: Process, id: number, session: Session): void {
		const { provider, random, faults, timeline, oracle } = this.#world;
		const token = session.refreshToken?.reveal();
		const family = token === undefined ? undefined : provider.familyOf(token);
		timeline.after(random.between(10, 2 * SECOND), () => {
			const fails = provider.isDown || random.chance(faults.refreshRefused);
			const refuses = !fails && random.chance(0.1);
			if (family !== undefined && !fails && !refuses) provider.revoke(family);
			if (refuses) oracle.abandon(token, "cannot be logged out, and is forgotten here");
			const outcome = fails
				? ({ kind: "failed", why: "out of reach" } as const)
				: ({ kind: refuses ? "impossible" : "revoked", why: "404" } as RevokeOutcome);
			this.dispatch({ type: "revoked", id, outcome, random: random.next() }, process);
		});
	}

	#clearSink(process: Process, sink: string): void {
		const { random, faults, timeline, oracle } = this.#world;
		timeline.after(random.between(1, 50), () => {
			if (!this.#isAlive(process)) return;
			const failed = { type: "clear-failed", sink, why: "full", random: random.next() } as const;
			if (random.chance(faults.sinkFails)) return this.#publish(process, failed);
			if (sink !== "file") {
				return this.#publish(process, { type: "cleared", sink, how: "impossible" });
			}
			const verdict = this.#judgeSink(process, undefined);
			if (verdict === "foreign") this.disk.sinkWritten = false;
			if (verdict === "foreign" || verdict === "logged-out") {
				return this.#publish(process, { type: "cleared", sink, how: verdict });
			}
			if (!this.disk.sinkWritten && verdict !== "disarm") {
				return this.#publish(process, { type: "cleared", sink, how: "nothing" });
			}
			oracle.sinkCleared(this, this.sink);
			this.sink = { exists: true, session: undefined };
			oracle.copiesChanged("sink cleared");
			this.#publish(process, { type: "cleared", sink, how: "cleared" });
		});
	}

	#writeSink(process: Process, sink: string, token: ServedToken): void {
		const { random, faults, timeline, oracle } = this.#world;
		timeline.after(random.between(1, 50), () => {
			if (!this.#isAlive(process)) return;
			const access = token.accessFp;
			if (random.chance(faults.sinkFails)) {
				return this.#publish(process, {
					type: "failed",
					sink,
					access,
					why: "full",
					random: random.next(),
				});
			}
			if (sink !== "file") return this.#publish(process, { type: "written", sink, access });
			if (process.custody.record.staged?.imported?.state === "disarming") {
				const random = this.#world.random.next();
				return this.#publish(process, { type: "failed", sink, access, why: "taken over", random });
			}
			const verdict = this.#judgeSink(process, access);
			if (verdict === "foreign") this.disk.sinkWritten = false;
			if (verdict === "foreign" || verdict === "logged-out") {
				return this.#publish(process, { type: "stepped-back", sink, access, reason: verdict });
			}
			oracle.sinkWritten(this, this.sink, token);
			this.sink = { exists: true, session: { ...token.session, refreshToken: undefined } };
			this.disk.sinkWritten = true;
			oracle.copiesChanged("sink written");
			this.#publish(process, { type: "written", sink, access });
		});
	}

	#lookAtSink(process: Process, sink: string, token: ServedToken | undefined): void {
		const { timeline, random } = this.#world;
		timeline.after(random.between(1, 50), () => {
			if (!this.#isAlive(process)) return;
			const access = token?.accessFp;
			const verdict = this.#judgeSink(process, access);
			if (verdict === "foreign") this.disk.sinkWritten = false;
			const paused = verdict === "foreign" || verdict === "logged-out";
			const seen = paused ? verdict : verdict === "same" ? "fine" : "changed";
			this.#publish(process, { type: "looked", sink, access, seen });
		});
	}

	#judgeSink(process: Process, access: string | undefined) {
		return this.#world.rules.judgeSinkFile({
			reading: this.#readSink(),
			exists: this.sink.exists,
			written: this.disk.sinkWritten,
			accessFp: access,
			isKnown: (fp) => isOurs(process.custody.record, fp),
		}).kind;
	}

	#readSink() {
		const { session } = this.sink;
		if (session?.refreshToken === undefined) return { kind: "blank", session } as const;
		const armed = { ...session, refreshToken: session.refreshToken };
		return { kind: "login", session: armed, fp: fingerprint(armed.refreshToken) } as const;
	}
}
