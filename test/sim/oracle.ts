/**
 * Knows the truth, and holds every step against the nine invariants.
 *
 * It sees what no part of Baton can see: which refresh token of a login is the living one, who spent
 * which, and where copies lie. What nobody could know (SECURITY.md names it) is excused, and
 * counted.
 */

import {
	type CustodyRecord,
	type CustodyState,
	intentAt,
	type Lineage,
	type ServedToken,
	servedToken,
} from "@baton/core/custody-state";
import { type CustodyEvent, decideCustody } from "@baton/core/decide-custody";
import type { HandoverEvent } from "@baton/core/decide-handover";
import type { CustodyEffect } from "@baton/core/effect";
import {
	NORMAL_STORE,
	type PcRecord,
	type PcState,
	type StoreId,
} from "@baton/core/handover-state";
import { type Fingerprint, fingerprint, generationProof, lineageIdOf } from "@baton/core/lineage";
import type { Answer, Request } from "@baton/core/protocol";
import { hasFaded, isUsedUp } from "@baton/core/remembered-past";
import { Secret } from "@baton/core/secret";
import { type ArmedSession, isUnexpired } from "@baton/core/session";
import type { PcNode } from "./pc-node.ts";
import type { Family, Presentation, Provider } from "./provider.ts";
import type { Content } from "./store.ts";
import type { SinkFile, VpsNode } from "./vps-node.ts";

/** What the oracle sees of a VPS. */
export type SeenVps = Pick<VpsNode, "disk" | "sink" | "process" | "rollbackAt" | "witnessed">;

export interface Counts {
	spentTwice: number;
	lateReplays: number;
	lost: number;
	lostInFlight: number;
	/** Spent twice in a way nobody could see: a copy the world made, a rollback no witness had told of. */
	unknowable: number;
	claims: number;
	rotations: number;
}

export class Oracle {
	readonly violations: string[] = [];
	readonly counts: Counts = {
		spentTwice: 0,
		lateReplays: 0,
		lost: 0,
		lostInFlight: 0,
		unknowable: 0,
		claims: 0,
		rotations: 0,
	};
	/** New refresh tokens that a claude has in memory only. */
	readonly inClaude = new Set<string>();
	/** Likewise the engine's folder on the VPS. */
	readonly inEngine = new Set<string>();
	/** Likewise the service. */
	readonly #inVps = new Set<string>();
	/** Tokens of which the world made copies, by backup, sync or snapshot. */
	readonly #copied = new Set<string>();
	/** What a witness had told of a login when its token was last sent. */
	readonly #toldAtSending = new Map<string, number>();
	readonly #grants = new Map<PcNode, number>();
	readonly #takes = new Map<PcNode, number>();
	readonly #leaves = new Map<PcNode, number[]>();
	readonly #asked = new Set<Family>();
	/** Logins that a person has ended. */
	readonly #revoked = new Set<string>();
	#provider: Provider | undefined;
	#vps: SeenVps | undefined;
	#pcs: readonly PcNode[] = [];
	readonly #tell: (line: () => string) => void;
	/** The refresh that was just sent is the one late try. */
	readonly #lateTry = new Set<string>();

	constructor(tell: (line: () => string) => void) {
		this.#tell = tell;
	}

	watch(provider: Provider, vps: SeenVps, pcs: readonly PcNode[]): void {
		this.#provider = provider;
		this.#vps = vps;
		this.#pcs = pcs;
		provider.onPresented = (presentation) => this.#presented(presentation);
	}

	violate(what: string): void {
		this.violations.push(what);
		this.#tell(() => `VIOLATION ${what}`);
	}

	// What the world does

	copied(token: string | undefined): void {
		if (token !== undefined) this.#copied.add(token);
	}

	isCopy(token: string): boolean {
		return this.#copied.has(token);
	}

	/** A snapshot was put back in which somebody's leave is not used up. */
	granted(pc: PcNode): void {
		this.#count(this.#grants, pc);
	}

	/** The person gives leave now, however late the watcher hears of it. */
	leaveGiven(pc: PcNode, now: number): void {
		this.#leaves.set(pc, [...(this.#leaves.get(pc) ?? []), now]);
	}

	/** A person asked for this very login to be handed over. */
	asked(token: string): void {
		const family = this.#provider?.familyOf(token);
		if (family !== undefined) this.#asked.add(family);
	}

	vpsCrashed(): void {
		const unheard = [...this.#inVps];
		this.#inVps.clear();
		for (const token of unheard) this.#loseInFlight(token);
	}

	#loseInFlight(token: string): void {
		const family = this.#provider?.familyOf(token);
		if (family !== undefined && family.newest === token && !this.#isHeld(family))
			family.lostInFlight = true;
	}

	// Invariants 1 and 5: spent once, never replayed blindly

	#presented({ token, family, by, spentBefore, replyWasLost }: Presentation): void {
		const late = by === "vps" && this.#lateTry.delete(token);
		if (spentBefore === undefined) return;
		if (late) {
			this.counts.lateReplays += 1;
			return;
		}
		if (this.#isExcused(token, family, by, spentBefore, replyWasLost)) {
			this.counts.unknowable += 1;
			return;
		}
		this.counts.spentTwice += 1;
		this.violate(`1: ${by} spends again what ${spentBefore} has spent (family ${family?.id})`);
	}

	#isExcused(
		token: string,
		family: Family | undefined,
		by: Presentation["by"],
		spentBefore: Presentation["by"],
		replyWasLost: boolean,
	): boolean {
		if (by === "rogue") return true;
		// claude lost its own answer, and tries again with what it has; or we took it over like that.
		if (spentBefore === "claude" && replyWasLost) return true;
		if (spentBefore === "rogue") return true;
		if (this.#copied.has(token) && spentBefore === "claude") return true;
		if (family === undefined || this.#vps?.rollbackAt === undefined) return false;
		const spentAt = this.#provider?.generationSpent(token) ?? 0;
		const told = by === "vps" ? this.#toldAtSending.get(token) : undefined;
		return (told ?? this.#vps.witnessed.get(family.lineageId) ?? 0) < spentAt;
	}

	refreshSent(vps: SeenVps, token: string): void {
		const lineageId = this.#provider?.familyOf(token)?.lineageId ?? "";
		this.#toldAtSending.set(token, vps.witnessed.get(lineageId) ?? 0);
		const fp = fingerprint(new Secret(token));
		const lineages = [vps.disk.record?.current, vps.disk.record?.staged];
		const lineage = lineages.find((one) => one?.fp === fp);
		if (lineage === undefined || intentAt(lineage.phase) === undefined) {
			this.violate("3: a refresh is sent whose intent is not on disk");
		}
		if (this.#revoked.has(lineage?.lineageId ?? "")) this.violate("a revoked login is spent");
		if (lineage?.phase.name === "in-doubt") this.#lateTry.add(token);
		const [current] = lineages;
		if (current?.fp === fp && current.phase.name === "rolled-back") {
			this.violate("4: a rolled-back custodian spends");
		}
	}

	/** @param alive the process that asked is still there to hear it */
	rotatedByVps(alive: boolean, fresh: string): void {
		this.counts.rotations += 1;
		if (alive) this.#inVps.add(fresh);
		else this.#loseInFlight(fresh);
	}

	// Invariant 3: durable before visible

	published(vps: SeenVps, token: ServedToken): void {
		const lineages = [vps.disk.record?.current, vps.disk.record?.staged];
		const durable = lineages.some(
			(one) => one !== undefined && fingerprint(one.session.accessToken) === token.accessFp,
		);
		if (!durable) this.violate("3: a token is published that is not on disk");
	}

	answered(vps: SeenVps, answer: Answer): void {
		this.said(answer);
		const { record } = vps.disk;
		if (record === undefined) return;
		if (
			answer.type === "claimed" &&
			(record.lineages[answer.lineageId] ?? -1) < answer.generation
		) {
			this.violate("3: a claim is acknowledged that is not on disk");
		}
		if (answer.type === "staged" && record.staged?.firstFp !== answer.fp) {
			this.violate("3: a staged login is acknowledged that is not on disk");
		}
		const final =
			answer.type === "withdrawn" || answer.type === "not-taken" || answer.type === "spent";
		if (!final || record.past[answer.fp] !== undefined || hasFaded(record, answer.fp)) return;
		// Claimed, and lost before its account was named: kept sealed where it is staged.
		if (answer.type === "spent" && record.staged?.firstFp === answer.fp) return;
		const witnessed =
			answer.type === "spent" && record.lineages[lineageIdOf(answer.fp)] !== undefined;
		if (!witnessed) this.violate("3: a tombstone is told that is not on disk");
	}

	// Invariants 4 and 6

	custodyStepped(
		now: number,
		before: CustodyState,
		event: CustodyEvent,
		after: CustodyState,
		effects: readonly CustodyEffect[],
	): void {
		const { staged } = after.record;
		const was = staged === undefined ? undefined : after.record.past[staged.firstFp]?.was;
		if (was === "retired" || was === "claimed" || was === "spent")
			this.violate(`4: a ${was} token is staged`);
		this.#checkVerdict(now, before, after);
		if (event.type !== "request" || event.request.type !== "status") return;
		const spends = effects.some((effect) => effect.type === "refresh");
		if (!spends) return;
		const tick: CustodyEvent = { type: "tick", random: event.random };
		// What a witness has said may be just what a refresh that is due was held back for.
		const { witnessAgrees } = after.run;
		const heard = { ...before, run: { ...before.run, witnessAgrees } };
		const due = decideCustody(heard, tick, now).effects.some(({ type }) => type === "refresh");
		if (!due) this.violate("6: looking at the status makes it refresh");
	}

	/** Invariant 5: a login whose access token lives is not given up for dead. */
	#checkVerdict(now: number, before: CustodyState, after: CustodyState): void {
		const { current, staged } = before.record;
		const phase = after.record.current?.phase;
		const lost = phase?.name === "needs-login" && phase.reason === "lost-in-flight";
		if (lost && current?.phase.name === "in-doubt") this.#checkDead(now, current);
		const was = staged === undefined ? undefined : after.record.past[staged.firstFp];
		if (staged === undefined || before.record.past[staged.firstFp] !== undefined) return;
		if (was?.was === "not-taken" && was.reason === "dead") this.#checkDead(now, staged);
	}

	#checkDead(now: number, { session }: Lineage): void {
		// By the custodian's clock, which may be wrong, it has ended.
		if (!isUnexpired(session, now)) return;
		if (!this.#provider?.isLiveAccess(session.accessToken.reveal())) return;
		this.violate("5: a login whose access token lives is given up for dead");
	}

	custodyPersisted(before: CustodyRecord | undefined, after: CustodyRecord): void {
		for (const role of ["current", "staged"] as const) {
			const token = after[role]?.session.refreshToken?.reveal();
			if (token !== undefined) this.#inVps.delete(token);
		}
		const staged = before?.staged;
		const unnamed = staged?.phase.name === "verifying" || staged?.phase.name === "needs-login";
		if (staged !== undefined && unnamed && after.staged?.lineageId !== staged.lineageId) {
			if (after.current?.lineageId !== staged.lineageId) {
				this.#abandon(staged.session.refreshToken?.reveal(), "never named, or another account's");
			}
		}
		const old = before?.current;
		const now = after.current;
		if (now?.phase.name === "revoking") this.#revoked.add(now.lineageId);
		if (old !== undefined && old.lineageId === now?.lineageId && now.generation < old.generation) {
			this.violate("4: a generation falls");
		}
		for (const fp of Object.keys(before?.past === after.past ? {} : (before?.past ?? {}))) {
			const gone = after.past[fp] === undefined && !hasFaded(after, fp);
			const tombstone =
				before?.past[fp]?.was === "withdrawn" || before?.past[fp]?.was === "not-taken";
			if (gone && !(tombstone && after.staged?.firstFp === fp))
				this.violate("4: a fingerprint is forgotten");
		}
		if (now !== undefined && old?.lineageId !== now.lineageId) {
			this.counts.claims += 1;
			this.#abandon(old?.session.refreshToken?.reveal(), "renewed");
		}
	}

	// The witness, for what a rolled-back custodian could have known

	witnessesHeard(vps: SeenVps, request: Request): void {
		const { record } = vps.disk;
		if (vps.rollbackAt === undefined || record === undefined) return;
		for (const { lineageId, generation, proof } of request.witness) {
			if (proof !== generationProof(record.proofKey, lineageId, generation)) continue;
			vps.witnessed.set(lineageId, Math.max(generation, vps.witnessed.get(lineageId) ?? 0));
		}
	}

	// Invariant 7: the last copy is never lost

	copiesChanged(where: string): void {
		this.#checkPlaces();
		for (const family of this.#provider?.families ?? []) {
			if (family.abandoned !== undefined || family.lostInFlight || family.revoked) continue;
			if (this.#isHeld(family)) continue;
			family.abandoned = "lost";
			this.counts.lost += 1;
			this.violate(`7: the last copy of family ${family.id} is lost (${where})`);
		}
	}

	#isHeld(family: Family): boolean {
		for (const token of this.#allCopies()) if (this.#isUsable(family, token)) return true;
		return false;
	}

	#isUsable(family: Family, token: string): boolean {
		if (this.#provider?.semantics.rotation === "strict") return family.newest === token;
		return this.#provider?.familyOf(token) === family;
	}

	*#allCopies(): Iterable<string> {
		yield* this.inClaude;
		yield* this.#inVps;
		yield* this.inEngine;
		yield* this.#vpsCopies();
		for (const pc of this.#pcs) {
			for (const store of pc.stores.values()) {
				const token = store.refreshToken;
				if (token !== undefined) yield token;
			}
			for (const escrow of pc.disk.escrows.values()) yield escrow.session.refreshToken.reveal();
		}
	}

	*#vpsCopies(): Iterable<string> {
		const { record } = this.#vps?.disk ?? {};
		const tokens = [record?.current, record?.staged].map((one) => one?.session.refreshToken);
		tokens.push(this.#vps?.sink.session?.refreshToken);
		for (const token of tokens) if (token !== undefined) yield token.reveal();
	}

	abandon(token: string | undefined, why: string): void {
		this.#abandon(token, why);
	}

	#abandon(token: string | undefined, why: string): void {
		const family = token === undefined ? undefined : this.#provider?.familyOf(token);
		if (family !== undefined) family.abandoned ??= why;
	}

	/** A state that was put back knows nothing of it. */
	vpsRolledBack(): void {
		this.#revoked.clear();
	}

	escrowErased(pc: PcNode, fp: Fingerprint): void {
		const escrow = pc.disk.escrows.get(fp);
		const step = pc.process?.state.record.handovers.find((one) => one.fp === fp)?.step;
		// Sealed: concluded to be spent. If that was wrong, the person has been asked for another login.
		if (step === "discarding")
			this.#abandon(escrow?.session.refreshToken.reveal(), "sealed to its end");
	}

	// Invariant 8: a foreign login is never overwritten

	sinkWritten(vps: SeenVps, before: SinkFile, _token: ServedToken): void {
		const held = before.session?.refreshToken;
		if (held === undefined || isKept(vps.disk.record, fingerprint(held))) return;
		this.violate("8: a foreign login in a sink is overwritten");
	}

	sinkCleared(vps: VpsNode, before: SinkFile): void {
		const held = before.session?.refreshToken;
		if (held !== undefined && !isKept(vps.disk.record, fingerprint(held))) {
			this.violate("8: a foreign login in a sink is cleared away");
		}
		const { record } = vps.disk;
		const served = record === undefined ? undefined : servedToken(record, vps.now);
		const token = before.session?.accessToken;
		if (token !== undefined && served?.accessFp === fingerprint(token)) {
			this.violate("a sink is cleared of the token that is served");
		}
	}

	sourceDisarmed(vps: SeenVps, fp: Fingerprint): void {
		const { staged } = vps.disk.record ?? {};
		if (staged?.fp !== fp) this.violate("7: an imported login is disarmed that is not on disk");
	}

	disarmed(pc: PcNode, id: StoreId, token: string): void {
		const fp = fingerprint(new Secret(token));
		const handover = pc.process?.state.record.handovers.find((one) => one.fp === fp);
		const known = pc.process?.state.record.known[fp]?.was;
		if (handover === undefined && known !== "handed-over" && known !== "in-custody") {
			this.violate(`8: a login that is not ours is disarmed in ${id}`);
		}
		const inTransit =
			known === undefined && (handover?.step === "taking" || handover?.step === "taken");
		if (inTransit && !pc.disk.escrows.has(fp))
			this.violate("7: disarmed before its escrow is written");
	}

	restored(pc: PcNode, before: Content): void {
		if (before.session?.refreshToken !== undefined) {
			this.violate(`8: ${pc.name} puts a login back over another`);
		}
	}

	// Which login: permits

	pcStepped(pc: PcNode, before: PcState, after: PcState, event: HandoverEvent): void {
		const reading = "reading" in event ? event.reading : undefined;
		for (const { fp, store, step } of after.record.handovers) {
			// What waits for the person's word is not to be taken yet.
			if (store !== NORMAL_STORE || step === "provisional" || this.#wasAsked(fp)) continue;
			if (before.record.handovers.some((one) => one.fp === fp)) continue;
			if (reading?.kind === "login" && reading.fp === fp)
				this.#checkLeave(pc, before, reading.session);
		}
	}

	/** Counted as they become durable: what a crash undid did not happen. */
	#countTakes(pc: PcNode, before: PcRecord, after: PcRecord): void {
		for (const { fp, step, store } of after.handovers) {
			if (store !== NORMAL_STORE || step !== "taken" || this.#wasAsked(fp)) continue;
			if (before.handovers.some((one) => one.fp === fp && one.step === "taking"))
				this.#count(this.#takes, pc);
		}
		if (after.permit !== undefined && before.permit === undefined) this.#count(this.#grants, pc);
		if ((this.#takes.get(pc) ?? 0) > (this.#grants.get(pc) ?? 0)) {
			this.#takes.set(pc, 0);
			this.violate("which login: more logins were taken than permits given");
		}
	}

	#wasAsked(fp: Fingerprint): boolean {
		for (const family of this.#asked) if (this.#isOf(family, fp)) return true;
		return false;
	}

	/** A pending login that claude rotated stays pending under its new fingerprint. */
	#isOf(family: Family, fp: Fingerprint): boolean {
		return this.#provider?.familyOfFingerprint(fp) === family;
	}

	#count(map: Map<PcNode, number>, pc: PcNode): void {
		map.set(pc, (map.get(pc) ?? 0) + 1);
	}

	/** A login that was there before the permit is the person's own. */
	#checkLeave(pc: PcNode, before: PcState, session: ArmedSession): void {
		const token = session.refreshToken.reveal();
		const family = this.#provider?.familyOf(token);
		if (family === undefined || this.#copied.has(token)) return;
		if (before.record.handovers.some((one) => this.#isOf(family, one.fp))) return;
		const asked = this.#leaves.get(pc) ?? [];
		const host = before.record.permit?.by === "host" ? [before.record.permit.since] : [];
		if ([...asked, ...host].some((at) => at <= family.loginAt)) return;
		this.violate("which login: the PC's own login is to be taken");
	}

	pcPersisted(pc: PcNode, before: PcRecord, after: PcRecord): void {
		this.#countTakes(pc, before, after);
		for (const one of before.handovers) {
			if (one.step !== "taken" || after.handovers.some(({ fp }) => fp === one.fp)) continue;
			this.violate(`7: ${pc.name} forgets a login in transit`);
		}
	}

	// Invariant 9: no secret leaves its place

	said(words: unknown): void {
		if (JSON.stringify(words).includes("sk-ant-")) this.violate("9: a token is in what was said");
	}

	// Whether all is well once the world has calmed down

	settled(now: number): void {
		this.#checkHandovers();
		this.#checkCustody(now);
		for (const family of this.#provider?.families ?? []) {
			if (family.lostInFlight) this.counts.lostInFlight += 1;
		}
	}

	/** Invariant 2: after the claim a refresh token is with the custodian only. */
	#checkPlaces(): void {
		const current = this.#vps?.disk.record?.current;
		if (current === undefined || current.generation === 0) return;
		const token = current.session.refreshToken?.reveal();
		if (token === undefined || this.#copied.has(token)) return;
		const elsewhere = this.#pcs.some((pc) =>
			[...pc.stores.values()].some(
				(store) => store.refreshToken === token && !store.content.restored,
			),
		);
		if (elsewhere) this.violate("2: a claimed refresh token lies in a store of the PC");
		if (this.#vps?.sink.session?.refreshToken?.reveal() === token)
			this.violate("2: a sink holds it");
	}

	#checkHandovers(): void {
		for (const pc of this.#pcs) {
			for (const { step, fp, takeBack } of pc.disk.record.handovers) {
				if (step === "kept" || step === "sealed" || step === "provisional") continue;
				// Another login waits there for its PC to come back: a person may replace it.
				if (
					this.#vps?.disk.record?.staged !== undefined &&
					(step === "pending" || step === "taken")
				)
					continue;
				this.violate(`stuck: ${pc.name} leaves ${fp.slice(0, 6)} ${step} ${takeBack ?? ""}`);
			}
		}
	}

	#checkCustody(now: number): void {
		const vps = this.#vps;
		const current = vps?.disk.record?.current;
		const token = current?.session.refreshToken?.reveal();
		const family = token === undefined ? undefined : this.#provider?.familyOf(token);
		if (vps === undefined || current === undefined || token === undefined || family === undefined)
			return;
		const living = !family.revoked && this.#isUsable(family, token) && family.deadline > now;
		const { phase } = current;
		if (phase.name === "held") {
			if (!living) this.violate("unnamed: a dead login is called held");
			else if (!this.#provider?.isLiveAccess(current.session.accessToken.reveal())) {
				this.violate("held, but its access token is dead");
			}
			return;
		}
		if (phase.name === "needs-login") {
			const doubt = phase.reason === "lost-in-flight";
			if (living && !doubt) this.violate(`a living login is given up (${phase.reason})`);
			return;
		}
		if (phase.name === "rolled-back") return;
		if (phase.name === "refreshing" && vps.process?.custody.run.operation !== undefined) return;
		this.violate(`stuck: custody stays ${phase.name}`);
	}
}

/** Whether a refresh token is, or was, in this custody. */
function isKept(record: CustodyRecord | undefined, fp: Fingerprint): boolean {
	return record !== undefined && (record.current?.fp === fp || isUsedUp(record, fp));
}
