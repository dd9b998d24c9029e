/** What a kill did to a login, told from what the provider saw and what there was before and after. */
import type { CustodyRecord } from "@baton/core/custody-state";
import { fingerprint } from "@baton/core/lineage";
import type { Presentation } from "../parts/token-ledger.ts";

export interface KillFacts {
	/** Of this login, in order. */
	readonly presentations: readonly Presentation[];
	/** When it was made, ms since 1970, and how long its access tokens live, ms. */
	readonly madeAt: number;
	readonly tokenMs: number;
	/** Fingerprints of the refresh tokens that lay on the disk right after the kill. */
	readonly left: readonly string[];
	/** Whether whoever refreshes dies with the service, and what it had heard with it. */
	readonly hearsAlone: boolean;
	/** At the end of all, as it lies on the disk. */
	readonly record: CustodyRecord | undefined;
	/** What `batond status --json` says then. */
	readonly status: { readonly need?: unknown; readonly claimRefused?: unknown };
	/** Whether the provider would take what is in custody then: both its tokens. */
	readonly isLive: boolean;
	/** The access token that the sink shows. */
	readonly published: string | undefined;
	/** Paths of files that should not be there any more. */
	readonly leftovers: readonly string[];
}

export interface KillVerdict {
	readonly fate: "kept" | "lost-in-flight" | "lost";
	/** Presentations of a spent token, but the one late try with a login that was lost in flight. */
	readonly spentTwice: number;
	/** The login is lost, and the service does not say so. */
	readonly unnamed: boolean;
	readonly leftovers: readonly string[];
}

export function judgeKill(facts: KillFacts): KillVerdict {
	const { presentations, leftovers } = facts;
	const fate = isKept(facts) ? "kept" : wasInFlight(facts) ? "lost-in-flight" : "lost";
	const again = presentations.filter(({ spentBefore }) => spentBefore);
	const lateTries = fate === "lost-in-flight" && again.some((one) => isLate(one, facts)) ? 1 : 0;
	return {
		fate,
		spentTwice: again.length - lateTries,
		unnamed: fate !== "kept" && !isNamed(facts),
		leftovers,
	};
}

function isKept({ record, isLive, published }: KillFacts): boolean {
	const { current } = record ?? {};
	if (current?.phase.name !== "held" || current.generation < 2) return false;
	return isLive && published === current.session.accessToken.reveal();
}

/** Shortly before the end of the access token beside it, at the soonest. */
function isLate({ fp, at }: Presentation, { presentations, madeAt, tokenMs }: KillFacts): boolean {
	const issued = presentations.find(({ replacedBy }) => replacedBy === fp)?.at ?? madeAt;
	return at >= issued + tokenMs * (3 / 4);
}

/** The provider's answer had come to nobody's disk. */
function wasInFlight({ presentations, left, hearsAlone }: KillFacts): boolean {
	const { replacedBy } = presentations.findLast(({ outcome }) => outcome === "rotated") ?? {};
	return hearsAlone && replacedBy !== undefined && !left.includes(replacedBy);
}

function isNamed({ status: { need, claimRefused } }: KillFacts): boolean {
	return need === "lost-in-flight" || (need === "none-yet" && claimRefused !== undefined);
}

/** The refresh tokens of a record. */
export function armed(record: CustodyRecord | undefined): string[] {
	return [record?.current, record?.staged].flatMap((lineage) => {
		const token = lineage?.session.refreshToken;
		return token === undefined ? [] : [fingerprint(token)];
	});
}
