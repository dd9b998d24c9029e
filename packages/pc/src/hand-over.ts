/** What a person asks of the machine, put to it and followed to its end. */

import type { Reading } from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import {
	dedicatedStore,
	type Handover,
	type Host,
	NORMAL_STORE,
	type PcState,
	type StoreId,
} from "@baton/core/handover-state";
import { suggestKey } from "@baton/io/settings-file";
import type { HandoverRequest, TakeBackRequest } from "./control/messages.ts";
import { startFollowing } from "./follow-handover.ts";
import { type Asking, Following } from "./following.ts";
import type { Outcome } from "./outcome.ts";
import type { PostedEvent } from "./run-handover.ts";

/** @throws BatonError `usage`, `bad-credentials` */
export async function handOver(request: HandoverRequest, asking: Asking): Promise<Outcome> {
	const { host } = request;
	assertKnownHost(host, Object.keys(asking.runner.state.rules.hosts));
	const store = request.store === "normal" ? NORMAL_STORE : dedicatedStore(host);
	if (!request.nextLogin) return await handOverNow(request, store, asking);
	if (store === NORMAL_STORE) return await openPermit(request, asking);
	throw new BatonError("usage", `${host} takes its logins from a folder of its own`, {
		hint: `to make one and hand it over: baton login ${host}`,
	});
}

async function handOverNow(
	{ host, replace, follow }: HandoverRequest,
	store: StoreId,
	asking: Asking,
): Promise<Outcome> {
	let asked: PostedEvent | undefined;
	let fp: string | undefined;
	const following = new Following(
		() => asked,
		asking,
		() => startFollowing(host, store, fp),
	);
	try {
		const seen = await asking.runner.look(store, (reading) => {
			if (reading.kind === "unreadable") return undefined;
			const inTransit = inTransitFrom(store, host, asking.runner.state);
			if (reading.kind === "blank" && inTransit === undefined) return undefined;
			asked = { type: "handover-asked", host, store, replace, reading };
			fp = fpOf(reading) ?? inTransit?.fp;
			return asked;
		});
		assertReadable(seen);
		if (fp === undefined) return { result: "no-login", host, place: asking.place(store) };
		const { after } = await following.asked;
		assertFor(host, after, fp);
		if (follow) return await following.outcome;
		return { result: "asked", host, fp };
	} finally {
		following.stop();
	}
}

async function openPermit(
	{ host, replace, follow }: HandoverRequest,
	asking: Asking,
): Promise<Outcome> {
	let asked: PostedEvent | undefined;
	const following = new Following(
		() => asked,
		asking,
		() => startFollowing(host, NORMAL_STORE),
	);
	try {
		const seen = await asking.runner.look(NORMAL_STORE, (reading) => {
			if (reading.kind === "unreadable") return undefined;
			asked = { type: "permit-asked", host, replace, reading };
			return asked;
		});
		assertReadable(seen);
		await following.asked;
		if (!follow) return { result: "permit-open", host };
		asking.tell(`run /login in claude on this PC now: that login goes to ${host}`);
		return await following.outcome;
	} finally {
		following.stop();
	}
}

/**
 * One outcome for each hand-over that was under way, and one for a permit that was open.
 *
 * @throws BatonError `usage` if there is no such host
 */
export async function takeBack(
	{ host, force }: TakeBackRequest,
	asking: Asking,
): Promise<Outcome[]> {
	const { runner } = asking;
	const { handovers, permit } = runner.state.record;
	const under = handovers.filter((one) => one.host === host && mayComeBack(one));
	const hasPermit = permit?.host === host;
	if (under.length === 0 && !hasPermit) {
		assertKnownHost(host, Object.keys(runner.state.rules.hosts));
		return [{ result: "nothing-under-way", host }];
	}
	if (!force && under.some(isInTransit)) assertAsked(host, runner.state);
	const asked: PostedEvent = { type: "take-back-asked", host, force };
	const followings = under.map(
		({ store, fp }) =>
			new Following(
				() => asked,
				asking,
				() => startFollowing(host, store, fp),
			),
	);
	try {
		const durable = untilSettled(asked, asking);
		runner.post(asked);
		await durable;
		const outcomes = await Promise.all(followings.map(({ outcome }) => outcome));
		return hasPermit ? [...outcomes, { result: "permit-closed", host }] : outcomes;
	} finally {
		for (const following of followings) following.stop();
	}
}

/** Rejects with the signal's reason. */
function untilSettled(asked: PostedEvent, { runner, signal }: Asking): Promise<void> {
	return new Promise((resolve, reject) => {
		const stopListening = runner.onChange(({ event }) => {
			if (event !== asked) return;
			stopListening();
			resolve();
		});
		const giveUp = () => {
			stopListening();
			reject(signal.reason);
		};
		signal.addEventListener("abort", giveUp, { once: true });
	});
}

function mayComeBack({ step }: Handover): boolean {
	return step !== "claimed" && step !== "sealed" && step !== "discarding";
}

/** Only the host's own word brings it back. */
function isInTransit({ step }: Handover): boolean {
	return step === "taken";
}

/** @throws BatonError `usage` for a host that left the settings: nobody asks it anything */
function assertAsked(host: Host, { rules }: PcState): void {
	if (rules.hosts[host] !== undefined) return;
	throw new BatonError("usage", `${host} is no longer in the settings, so it cannot be asked`, {
		hint: `name it there again; or, if it is gone for good: baton take-back ${host} --force`,
	});
}

function fpOf(reading: Reading): string | undefined {
	return reading.kind === "login" ? reading.fp : undefined;
}

/** The store is blank, as what was there is on its way: that is what was meant. */
function inTransitFrom(store: StoreId, host: Host, { record }: PcState): Handover | undefined {
	const under = record.handovers.filter((one) => one.store === store && one.host === host);
	return under.find(({ step }) => isUnderWay(step));
}

function isUnderWay(step: Handover["step"]): boolean {
	return ["taking", "taken", "claimed", "putting-back"].includes(step);
}

/** @throws BatonError `bad-credentials` for a store that cannot be read */
export function assertReadable(reading: Reading): void {
	if (reading.kind !== "unreadable") return;
	throw new BatonError("bad-credentials", reading.why, {
		hint: reading.hint ?? "nothing was touched; look at the file, or run /login in claude again",
	});
}

/** A login goes to one host; one that is in transit to another stays with that. */
function assertFor(host: Host, { record }: PcState, fp: string): void {
	const found = record.handovers.find((one) => one.fp === fp);
	if (found === undefined || found.host === host) return;
	throw new BatonError("usage", `this login is on its way to ${found.host} already`, {
		hint: `take it back first: baton take-back ${found.host}`,
	});
}

/** @throws BatonError `usage` for a host that the settings do not name */
export function assertKnownHost(host: Host, names: readonly Host[]): void {
	if (names.includes(host)) return;
	const meant = suggestKey(host, names);
	const known = names.length === 0 ? "the settings name no host yet" : `known: ${names.join(", ")}`;
	throw new BatonError("usage", `there is no host ${host} in the settings`, {
		hint: meant === undefined ? known : `did you mean ${meant}?`,
	});
}
