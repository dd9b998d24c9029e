/**
 * What a custodian's answer means to the PC. An answer counts only for the request that is out, and
 * only for the step its hand-over is in: late news changes nothing.
 */

import { CUSTODY_BACKOFF, HOST_BACKOFF } from "./backoff.ts";
import { deadlineWarning, isNewWarning } from "./deadline-warning.ts";
import {
	avoidHost,
	changeHandover,
	changeHost,
	changePc,
	dropHandover,
	handoverOf,
	hasten,
	hostMemory,
	know,
	notePc,
	type PcDraft,
	postpone,
	rememberPc,
} from "./handover-draft.ts";
import { type Handover, type Host, NORMAL_STORE, type Outstanding } from "./handover-state.ts";
import type { LineageId } from "./lineage.ts";
import { byOurClock } from "./other-clock.ts";
import type { Answer, DeclineReason, StatusAnswer } from "./protocol.ts";

export function settleAnswer(
	draft: PcDraft,
	host: Host,
	answer: Answer,
	now: number,
	random: number,
): void {
	const outstanding = draft.run.outstanding[host];
	if (outstanding === undefined || outstanding.id !== answer.id) return;
	rememberPc(draft, { outstanding: without(draft.run.outstanding, host) });
	if (!answers(outstanding, answer)) return settleNoAnswer(draft, host, answer, now, random);
	rememberPc(draft, { links: without(draft.run.links, host) });
	changeHost(draft, host, { contactAt: now });
	heedNamedCopies(draft, host, answer, now);
	if (answer.type === "status") return settleStatus(draft, host, answer, now, random);
	if (outstanding.type === "erased" && outstanding.fp !== undefined) {
		return rememberPc(draft, { confirms: without(draft.run.confirms, outstanding.fp) });
	}
	const handover = outstanding.fp === undefined ? undefined : handoverOf(draft, outstanding.fp);
	if (outstanding.type === "withdraw") settleForced(draft, host, answer, now, random);
	// Another host was asked about this login meanwhile.
	if (handover?.host !== host) return;
	settleCustody(draft, handover, answer, now, random);
}

/** Whether this is a word on what was asked, and not that nobody could give one. */
function answers(request: Outstanding, answer: Answer): boolean {
	if (answer.type === "unavailable" || answer.type === "refused") return false;
	if (answer.type === "accept") return request.type === "offer" && answer.fp === request.fp;
	return "fp" in answer ? answer.fp === request.fp : request.type === "status";
}

/** Nothing happened there: asked again like a host that was out of reach. */
function settleNoAnswer(
	draft: PcDraft,
	host: Host,
	answer: Answer,
	now: number,
	random: number,
): void {
	const told = "reason" in answer ? answer.reason : undefined;
	const reason = told ?? `it answered with ${answer.type}`;
	const attempts = avoidHost(draft, host, now, random);
	if (attempts === 1) notePc(draft, "warn", "host-unreachable", { host, reason });
}

/** The custodian names fingerprints it keeps, or kept, that our stores show. */
function heedNamedCopies(draft: PcDraft, host: Host, answer: Answer, now: number): void {
	for (const { fp } of answer.disarm) {
		know(draft, fp, "in-custody", host, now);
		for (const [store, view] of Object.entries(draft.record.stores)) {
			if (view.fp === fp) rememberPc(draft, { copies: { ...draft.run.copies, [store]: fp } });
		}
	}
}

function settleCustody(
	draft: PcDraft,
	handover: Handover,
	answer: Answer,
	now: number,
	random: number,
): void {
	if (handover.step === "pending") return settlePending(draft, handover, answer, now, random);
	if (handover.step === "taken") return settleTransit(draft, handover, answer, now, random);
	// Forced back, but it was claimed after all, and nothing has been written yet.
	const undone = handover.step === "putting-back" && !handover.putBackBegun;
	if (undone && answer.type === "claimed") settleClaimed(draft, handover, answer, now);
}

/** Answers to a withdrawal that no later one changes. */
const FINAL: readonly Answer["type"][] = ["withdrawn", "not-taken", "spent", "claimed"];

/** The host's word on a login that was taken back by force; if it has claimed it, ours is a copy. */
function settleForced(
	draft: PcDraft,
	host: Host,
	answer: Answer,
	now: number,
	random: number,
): void {
	if (!("fp" in answer)) return;
	const { fp } = answer;
	const known = draft.record.known[fp];
	if (known?.toWithdraw === undefined) return;
	if (!FINAL.includes(answer.type)) return postpone(draft, fp, CUSTODY_BACKOFF, now, random);
	const { toWithdraw: _kept, ...own } = known;
	changePc(draft, { known: { ...draft.record.known, [fp]: own } });
	if (answer.type === "claimed" && handoverOf(draft, fp) === undefined) {
		heedNamedCopies(draft, host, { ...answer, disarm: [{ fp, state: "retired" }] }, now);
	}
}

// Before the take: nothing has been touched, so everything may still be dropped

function settlePending(
	draft: PcDraft,
	handover: Handover,
	answer: Answer,
	now: number,
	random: number,
): void {
	const { fp, host } = handover;
	switch (answer.type) {
		case "accept":
			rememberPc(draft, { nonces: { ...draft.run.nonces, [fp]: answer.nonce } });
			hasten(draft, fp);
			return changeHandover(draft, fp, { step: "taking", since: now });
		case "decline":
			return settleDecline(draft, handover, answer.reason, now, random);
		case "claimed":
			// Claimed already, from another copy of this login: ours is the spare one.
			witness(draft, host, answer.lineageId, answer.generation, answer.proof);
			return dropAsCopy(draft, handover, now);
		case "spent":
			return dropAsCopy(draft, handover, now);
		default:
			return postpone(draft, fp, HOST_BACKOFF, now, random);
	}
}

function dropAsCopy(draft: PcDraft, handover: Handover, now: number): void {
	const { fp, host, store } = handover;
	know(draft, fp, "in-custody", host, now);
	dropHandover(draft, fp);
	rememberPc(draft, { copies: { ...draft.run.copies, [store]: fp } });
}

function settleDecline(
	draft: PcDraft,
	handover: Handover,
	reason: DeclineReason,
	now: number,
	random: number,
): void {
	const { fp, host } = handover;
	notePc(draft, "info", "declined", { fp, host, reason });
	if (reason === "busy") return postpone(draft, fp, HOST_BACKOFF, now, random);
	if (reason === "retired") return dropAsCopy(draft, handover, now);
	know(draft, fp, "own", host, now, reason);
	dropHandover(draft, fp);
	if (handover.store === NORMAL_STORE) closeDeclinedPermit(draft, host, reason);
}

/**
 * A person's leave was for this login; they are told, and may give it again. A host's need stands until
 * it is met: only a host that is well again needs none.
 */
function closeDeclinedPermit(draft: PcDraft, host: Host, reason: DeclineReason): void {
	const { permit } = draft.record;
	if (permit?.host !== host) return;
	if (permit.by === "person" || reason === "healthy") changePc(draft, { permit: undefined });
}

// In transit: only the custodian's word moves it

function settleTransit(
	draft: PcDraft,
	handover: Handover,
	answer: Answer,
	now: number,
	random: number,
): void {
	const { fp, host } = handover;
	switch (answer.type) {
		case "accept":
			rememberPc(draft, { nonces: { ...draft.run.nonces, [fp]: answer.nonce } });
			return hasten(draft, fp);
		case "decline":
			// No tombstone stands behind a decline: withdraw first, then it can go back.
			if (answer.reason !== "busy")
				changeHandover(draft, fp, { takeBack: handover.takeBack ?? "declined" });
			notePc(draft, "warn", "declined", { fp, host, reason: answer.reason });
			return postpone(draft, fp, HOST_BACKOFF, now, random);
		case "claimed":
			return settleClaimed(draft, handover, answer, now);
		case "not-taken":
			notePc(draft, "warn", "not-taken", { fp, host, reason: answer.reason });
			return changeHandover(draft, fp, { step: "putting-back", reason: answer.reason, since: now });
		case "withdrawn":
			return changeHandover(draft, fp, { step: "putting-back", reason: "withdrawn", since: now });
		case "spent":
			know(draft, fp, "handed-over", host, now);
			notePc(draft, "warn", "spent", { fp, host, ...because(answer.reason) });
			return changeHandover(draft, fp, { step: "sealed", reason: answer.reason, since: now });
		case "unknown":
			rememberPc(draft, {
				unknown: { ...draft.run.unknown, [fp]: true },
				nonces: without(draft.run.nonces, fp),
			});
			return postpone(draft, fp, CUSTODY_BACKOFF, now, random);
		case "staged":
			hearOfProvider(draft, handover, answer.provider);
			return postpone(draft, fp, CUSTODY_BACKOFF, now, random);
		default:
			hearOfProvider(draft, handover, undefined);
			return postpone(draft, fp, CUSTODY_BACKOFF, now, random);
	}
}

/** For people, and written only where it is news. */
function hearOfProvider(draft: PcDraft, handover: Handover, provider: string | undefined): void {
	if (handover.provider !== provider) changeHandover(draft, handover.fp, { provider });
}

function because(reason: string | undefined): { reason?: string } {
	return reason === undefined ? {} : { reason };
}

function settleClaimed(
	draft: PcDraft,
	handover: Handover,
	answer: Extract<Answer, { type: "claimed" }>,
	now: number,
): void {
	const { fp, host } = handover;
	witness(draft, host, answer.lineageId, answer.generation, answer.proof);
	know(draft, fp, "handed-over", host, now);
	changeHandover(draft, fp, { step: "claimed", since: now });
	// What the host told of itself is no longer true.
	rememberPc(draft, { statusAt: without(draft.run.statusAt, host) });
	for (const other of draft.record.handovers) {
		if (other.host === host && other.step === "sealed") {
			changeHandover(draft, other.fp, { step: "discarding", since: now });
		}
	}
	notePc(draft, "info", "handed-over", { fp, host, generation: answer.generation });
}

/** The highest generation told, with its proof. */
function witness(
	draft: PcDraft,
	host: Host,
	lineageId: LineageId,
	generation: number,
	proof: string,
): void {
	const { witness: memory } = hostMemory(draft, host);
	if ((memory[lineageId]?.generation ?? -1) >= generation) return;
	changeHost(draft, host, { witness: { ...memory, [lineageId]: { generation, proof } } });
}

// Status

function settleStatus(
	draft: PcDraft,
	host: Host,
	status: StatusAnswer,
	now: number,
	random: number,
): void {
	const { lineageId, generation, proof, need } = status;
	if (lineageId !== undefined && generation !== undefined && proof !== undefined) {
		witness(draft, host, lineageId, generation, proof);
	}
	const wait = draft.rules.timing.statusEvery * (0.9 + 0.2 * random);
	rememberPc(draft, { statusAt: { ...draft.run.statusAt, [host]: now + wait } });
	const before = hostMemory(draft, host);
	const told = byPcClock(status, now);
	changeHost(draft, host, { status: told, need: need?.reason });
	if (need === undefined) {
		warnOfDeadline(draft, host, told.deadline, now);
		return closeHostPermit(draft, host);
	}
	if (need.id === before.needId) return;
	heedNeed(draft, host, need);
}

/** Each warning once for each login, also over restarts of either side. */
function warnOfDeadline(
	draft: PcDraft,
	host: Host,
	deadline: number | undefined,
	now: number,
): void {
	const warning = deadlineWarning(deadline, now);
	if (warning === undefined || !isNewWarning(warning, hostMemory(draft, host).warned)) return;
	changeHost(draft, host, { warned: warning });
	const reason = warning.days === 1 ? "1 day" : `${warning.days} days`;
	notePc(draft, "warn", "deadline-near", { host, reason });
}

/** What a person reads on the PC is judged by the PC's clock. */
function byPcClock(status: StatusAnswer, now: number): StatusAnswer {
	const move = <T extends object>(facts: T, names: readonly (keyof T)[]): T => {
		const moved = names.flatMap((name) => {
			const at = facts[name];
			return typeof at === "number" ? [[name, byOurClock(at, status.now, now)] as const] : [];
		});
		return { ...facts, ...Object.fromEntries(moved) };
	};
	const { need } = status;
	const evidence = need?.evidence && move(need.evidence, EVIDENCE_TIMES);
	return {
		...move(status, ["accessUntil", "deadline", "rotatedAt"]),
		...(need === undefined || evidence === undefined ? {} : { need: { ...need, evidence } }),
	};
}

const EVIDENCE_TIMES = ["since", "rotatedAt", "erasedAt", "claimedAt", "deadline"] as const;

function closeHostPermit(draft: PcDraft, host: Host): void {
	const { permit } = draft.record;
	if (permit?.host === host && permit.by === "host") changePc(draft, { permit: undefined });
	if (draft.run.opening?.host === host) rememberPc(draft, { opening: undefined });
}

type Need = NonNullable<StatusAnswer["need"]>;

/** A need is acted upon once; while another permit is open it waits for its turn. */
function heedNeed(draft: PcDraft, host: Host, need: Need): void {
	const rules = draft.rules.hosts[host];
	const underWay = draft.record.handovers.some(
		(handover) => handover.host === host && !isSettled(handover),
	);
	if (underWay) return;
	const follows = rules?.mode === "follow-login" && rules.followLogin === "when-needed";
	if (!follows) return acknowledgeNeed(draft, host, need);
	if (draft.record.permit !== undefined || draft.run.opening !== undefined) return;
	const look = draft.run.nextId;
	rememberPc(draft, { nextId: look + 1, opening: { host, need, look } });
	draft.effects.push({ type: "read-store", id: look, store: NORMAL_STORE });
}

function acknowledgeNeed(draft: PcDraft, host: Host, need: Need): void {
	changeHost(draft, host, { needId: need.id });
	notePc(draft, "warn", "host-needs-login", { host, reason: need.reason });
}

/** The look that was asked for is in: what it showed was there before the permit, which opens now. */
export function openHostPermit(
	draft: PcDraft,
	look: number | undefined,
	isReadable: boolean,
	now: number,
): void {
	const { opening } = draft.run;
	if (opening === undefined || opening.look !== look) return;
	rememberPc(draft, { opening: undefined });
	// The need is not acknowledged then, and opens a permit at the next contact.
	if (!isReadable || draft.record.permit !== undefined) return;
	const { host, need } = opening;
	changePc(draft, { permit: { host, by: "host", since: now, replace: false } });
	acknowledgeNeed(draft, host, need);
}

function isSettled(handover: Handover): boolean {
	return handover.step === "sealed" || handover.step === "kept" || handover.step === "discarding";
}

function without<T>(map: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
	const { [key]: _gone, ...rest } = map;
	return rest;
}
