/**
 * The custodian's side of a hand-over: what each request does and what is answered. Every answer about
 * a fingerprint is safe to give again.
 */

import { change, changeLineage, type Draft, note, remember } from "./custody-draft.ts";
import { intentAt, type Lineage, type Past, type Reservation } from "./custody-state.ts";
import type { NamedCopy } from "./effect.ts";
import { BatonError } from "./error.ts";
import { heedWitness } from "./heed-witness.ts";
import { type Fingerprint, generationProof, lineageIdOf } from "./lineage.ts";
import type {
	AnswerBody,
	DeclineReason,
	DeliverRequest,
	OfferRequest,
	Request,
} from "./protocol.ts";
import { refuseStaged } from "./refuse-staged.ts";
import {
	isArmed,
	parseEntry,
	type Session,
	sessionFingerprint,
	setupTokenSession,
} from "./session.ts";
import { settleSpent } from "./settle-refresh.ts";

export interface RequestEvent {
	readonly type: "request";
	/** Names the open request in the answering effect. */
	readonly key: string;
	/** The paired device that asks. */
	readonly device: string;
	readonly request: Request;
	/** 16 random bytes, hex, used if an offer is accepted. */
	readonly nonce: string;
	readonly random: number;
}

export function answerRequest(draft: Draft, event: RequestEvent, now: number): void {
	const { request } = event;
	heedWitness(draft, request.witness, now);
	const body = answerOf(draft, event, now);
	const isCustody = body.type === "staged" || body.type === "in-doubt";
	draft.reply = () => ({
		type: "answer",
		key: event.key,
		body: isCustody ? custodyOf(draft, body.fp) : body,
		disarm: copiesAmong(draft, request.holds),
	});
}

function answerOf(draft: Draft, event: RequestEvent, now: number): AnswerBody {
	const { request, device } = event;
	switch (request.type) {
		case "offer":
			return answerOffer(draft, request, device, event.nonce, now);
		case "deliver":
			return answerDeliver(draft, request, device, event.random, now);
		case "custody":
			return custodyOf(draft, request.fp);
		case "withdraw":
			return answerWithdraw(draft, request.fp, now);
		case "erased":
			return answerErased(draft, request.fp, now);
		case "status":
			return statusOf(draft);
	}
}

// Offer

function answerOffer(
	draft: Draft,
	offer: OfferRequest,
	device: string,
	nonce: string,
	now: number,
): AnswerBody {
	const { fp } = offer;
	const past = draft.record.past[fp];
	if (past?.was === "claimed" || past?.was === "spent" || isSpentUnseen(draft, fp))
		return custodyOf(draft, fp);
	const { staged } = draft.record;
	if (staged?.firstFp === fp && (isBusy(staged) || isSealed(staged))) return custodyOf(draft, fp);
	const reason = reasonToDecline(draft, offer, device, now);
	if (reason !== undefined) return { type: "decline", fp, reason };
	const { reservation: goodForMs } = draft.rules.timing;
	remember(draft, { reservation: { fp, device, nonce, until: now + goodForMs } });
	return { type: "accept", fp, nonce, goodForMs };
}

function reasonToDecline(
	draft: Draft,
	offer: OfferRequest,
	device: string,
	now: number,
): DeclineReason | undefined {
	const { record, run } = draft;
	if (record.past[offer.fp]?.was === "retired" || record.current?.fp === offer.fp) return "retired";
	if (offer.expiresAt === 0) return "blank";
	if (offer.deadline !== undefined && offer.deadline <= now) return "expired";
	const otherAccount = record.account !== undefined && offer.account !== undefined;
	if (otherAccount && record.account !== offer.account) return "other-account";
	if (isReservedFor(run.reservation, now) && run.reservation?.device !== device) return "busy";
	const { staged } = record;
	if (staged !== undefined && staged.firstFp !== offer.fp && !isSealed(staged)) {
		if (isBusy(staged) || !offer.replace) return "busy";
	}
	return isHealthy(draft, now) && !offer.replace ? "healthy" : undefined;
}

function isReservedFor(reservation: Reservation | undefined, now: number): boolean {
	return reservation !== undefined && reservation.until > now;
}

/** An intent is open, or the claim made but not yet told: nobody may take it out of our hands. */
function isBusy(lineage: Lineage): boolean {
	return intentAt(lineage.phase) !== undefined || lineage.phase.name === "verifying";
}

/** Claimed and then lost before its account was named: kept, but of no use to anybody. */
function isSealed(lineage: Lineage): boolean {
	return lineage.phase.name === "needs-login";
}

/** In good order and not near its end: another login would only push out a living one. */
function isHealthy(draft: Draft, now: number): boolean {
	const { current } = draft.record;
	if (current?.phase.name !== "held" && current?.phase.name !== "refreshing") return false;
	const { deadline } = current.session;
	return deadline === undefined || deadline - now > draft.rules.timing.renewal;
}

// Deliver

function answerDeliver(
	draft: Draft,
	request: DeliverRequest,
	device: string,
	random: number,
	now: number,
): AnswerBody {
	const { fp } = request;
	const { staged, past } = draft.record;
	if (isUsedUp(past[fp]) || isSpentUnseen(draft, fp)) return custodyOf(draft, fp);
	if (!isPromised(draft, request, device, now)) return custodyOf(draft, fp);
	const session = sessionOf(request);
	if (session === undefined)
		return { type: "refused", reason: "the session is not the one offered" };
	if (staged?.firstFp === fp) {
		if (!isSealed(staged)) remember(draft, { armed: fp });
		return custodyOf(draft, fp);
	}
	if (staged !== undefined) {
		if (isBusy(staged)) return { type: "decline", fp, reason: "busy" };
		if (isSealed(staged)) settleSpent(draft, staged, now);
		else refuseStaged(draft, "replaced", now);
	}
	stage(draft, fp, session, device, random, now);
	return custodyOf(draft, fp);
}

/** The nonce is good for one fingerprint of one device, for a while, in this run of the service. */
function isPromised(draft: Draft, request: DeliverRequest, device: string, now: number): boolean {
	const { reservation } = draft.run;
	return (
		reservation !== undefined &&
		reservation.until > now &&
		reservation.fp === request.fp &&
		reservation.device === device &&
		reservation.nonce === request.nonce
	);
}

function sessionOf(request: DeliverRequest): Session | undefined {
	try {
		const entry = parseEntry(request.session);
		const session =
			request.session.kind === "setup-token"
				? setupTokenSession(entry.accessToken, entry.expiresAt)
				: entry;
		const claimable = session.kind === "setup-token" || isArmed(session);
		return claimable && sessionFingerprint(session) === request.fp ? session : undefined;
	} catch (error) {
		if (error instanceof BatonError) return undefined;
		throw error;
	}
}

function stage(
	draft: Draft,
	fp: Fingerprint,
	session: Session,
	device: string,
	random: number,
	now: number,
): void {
	const { [fp]: _tombstone, ...past } = draft.record.past;
	change(draft, {
		past,
		staged: {
			lineageId: lineageIdOf(fp),
			firstFp: fp,
			fp,
			session,
			generation: 0,
			obtainedAt: now,
			jitter: random,
			device,
			account: undefined,
			erasedAt: undefined,
			phase: { name: "staged", served: false },
		},
	});
	remember(draft, {
		armed: fp,
		refreshRetry: { ...draft.run.refreshRetry, staged: { failures: 0, at: 0 } },
		harvested: { ...draft.run.harvested, staged: false },
	});
	note(draft, "info", "staged", { fp, device });
}

// Custody, withdraw, erased

function isUsedUp(past: Past | undefined): boolean {
	return past?.was === "claimed" || past?.was === "retired" || past?.was === "spent";
}

/** A witness proved that this login was claimed here, in a time our state does not remember. */
function isSpentUnseen({ record }: Draft, fp: Fingerprint): boolean {
	if (isUsedUp(record.past[fp]) || record.staged?.firstFp === fp) return false;
	return record.lineages[lineageIdOf(fp)] !== undefined;
}

function custodyOf(draft: Draft, fp: Fingerprint): AnswerBody {
	const { current, staged, past } = draft.record;
	if (current?.fp === fp) return claimed(draft, fp, current.lineageId);
	if (staged?.firstFp === fp) {
		if (isSealed(staged)) return { type: "spent", fp };
		if (isBusy(staged)) return { type: "in-doubt", fp };
		// Found at the start of this run: the PC is to deliver it again before it is claimed.
		return draft.run.armed === fp ? { type: "staged", fp } : { type: "unknown", fp };
	}
	if (isSpentUnseen(draft, fp)) return { type: "spent", fp };
	const was: Past | undefined = past[fp];
	switch (was?.was) {
		case "claimed":
		case "retired":
			return claimed(draft, fp, was.lineageId);
		case "spent":
			return { type: "spent", fp };
		case "not-taken":
			return { type: "not-taken", fp, reason: was.reason };
		case "withdrawn":
			return { type: "withdrawn", fp };
		case undefined:
			return { type: "unknown", fp };
	}
}

function claimed(draft: Draft, fp: Fingerprint, lineageId: string): AnswerBody {
	const generation = draft.record.lineages[lineageId] ?? 0;
	const proof = proofOf(draft, { lineageId, generation });
	return { type: "claimed", fp, lineageId, generation, proof };
}

function proofOf(
	draft: Draft,
	{ lineageId, generation }: Pick<Lineage, "lineageId" | "generation">,
): string {
	return generationProof(draft.record.proofKey, lineageId, generation);
}

function answerWithdraw(draft: Draft, fp: Fingerprint, now: number): AnswerBody {
	const { current, staged, past } = draft.record;
	const settled = past[fp]?.was;
	const isSettled = settled !== undefined && settled !== "not-taken";
	if (current?.fp === fp || isSettled || isSpentUnseen(draft, fp)) return custodyOf(draft, fp);
	if (staged?.firstFp === fp && (isBusy(staged) || isSealed(staged))) return custodyOf(draft, fp);
	change(draft, {
		staged: staged?.firstFp === fp ? undefined : staged,
		past: { ...withoutOldTombstones(past), [fp]: { was: "withdrawn", at: now } },
	});
	const { reservation, armed } = draft.run;
	remember(draft, {
		reservation: reservation?.fp === fp ? undefined : reservation,
		armed: armed === fp ? undefined : armed,
	});
	note(draft, "info", "withdrawn", { fp });
	return { type: "withdrawn", fp };
}

const TOMBSTONES_MAX = 1_000;

/**
 * No device can fill the record with withdrawals: the oldest give way. What a tombstone keeps out, a
 * Deliver whose offer is long past, is also kept out by its nonce.
 */
function withoutOldTombstones(past: Draft["record"]["past"]): Draft["record"]["past"] {
	const tombstones = Object.keys(past).filter((fp) => past[fp]?.was === "withdrawn");
	if (tombstones.length < TOMBSTONES_MAX) return past;
	const gone = new Set(tombstones.slice(0, tombstones.length - TOMBSTONES_MAX + 1));
	return Object.fromEntries(Object.entries(past).filter(([fp]) => !gone.has(fp)));
}

function answerErased(draft: Draft, fp: Fingerprint, now: number): AnswerBody {
	if (draft.record.current?.firstFp === fp && draft.record.current.erasedAt === undefined) {
		changeLineage(draft, "current", { erasedAt: now });
	}
	return { type: "noted", fp };
}

// Status

function statusOf(draft: Draft): AnswerBody {
	const { current, staged } = draft.record;
	const lineage = current ?? staged;
	const need = needOf(draft);
	return {
		type: "status",
		state: lineage?.phase.name ?? "none",
		sinks: [],
		...(lineage === undefined ? {} : factsOf(lineage)),
		...(current === undefined ? {} : { proof: proofOf(draft, current) }),
		...(staged === undefined ? {} : { stagedFp: staged.firstFp }),
		...(need === undefined ? {} : { need }),
	};
}

function factsOf(lineage: Lineage) {
	const { lineageId, generation, session, obtainedAt } = lineage;
	return {
		lineageId,
		generation,
		rotatedAt: obtainedAt,
		...(session.expiresAt === undefined ? {} : { accessUntil: session.expiresAt }),
		...(session.deadline === undefined ? {} : { deadline: session.deadline }),
	};
}

/** What only a person can mend. Its id tells one need from the next. */
function needOf(draft: Draft) {
	const { current, staged, past } = draft.record;
	const underWay = staged !== undefined && !isSealed(staged);
	if (underWay && (isBusy(staged) || draft.run.armed === staged.firstFp)) return undefined;
	if (current === undefined) {
		return { id: `none-yet.${Object.keys(past).length}`, reason: "none-yet" as const };
	}
	const { phase, lineageId } = current;
	if (phase.name === "needs-login")
		return { id: `${lineageId}.${phase.since}`, reason: phase.reason };
	if (phase.name === "rolled-back") {
		return { id: `${lineageId}.${phase.since}`, reason: "rolled-back" as const };
	}
	return undefined;
}

// What every contact brings

/** Fingerprints the PC holds that live, or lived, here: copies that came back. */
function copiesAmong(draft: Draft, holds: readonly Fingerprint[]): NamedCopy[] {
	const { current, past } = draft.record;
	return holds.flatMap((fp): NamedCopy[] => {
		if (current?.fp === fp) return [{ fp, state: "current" }];
		const was = past[fp]?.was;
		return was === "claimed" || was === "retired" ? [{ fp, state: "retired" }] : [];
	});
}
