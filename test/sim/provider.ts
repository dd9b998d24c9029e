/**
 * A model of the provider, more adversarial than a real one: each run draws its semantics.
 *
 * It is also the witness of truth: it knows which refresh token of a family is the living one, and who
 * presented which token when.
 */

import { DAY, HOUR } from "@baton/core/duration";
import { type Fingerprint, fingerprint, type LineageId, lineageIdOf } from "@baton/core/lineage";
import type { ProbeOutcome, RefreshOutcome } from "@baton/core/oauth";
import { Secret } from "@baton/core/secret";
import type { ArmedSession } from "@baton/core/session";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

export interface Semantics {
	/** `strict`: a spent token revokes the family. `lenient`: it still works. `none`: none is spent. */
	readonly rotation: "strict" | "lenient" | "none";
	/** The old access token dies at a rotation, instead of living out its hours. */
	readonly killsOld: boolean;
	/** Share of refreshes answered without a refresh token; the old one then stays good. */
	readonly omits: number;
	readonly lifetime: number;
}

/** Who spends: the service, a claude on its own login, or one on a copy that the world made. */
export type Spender = "vps" | "claude" | "rogue";

export interface Family {
	readonly id: number;
	readonly account: string;
	readonly loginAt: number;
	readonly deadline: number;
	/** The living refresh token. */
	newest: string;
	lineageId: LineageId;
	rotations: number;
	/** Access tokens that may still live. */
	readonly access: AccessToken[];
	revoked: boolean;
	/** Why nobody needs to keep it any more: a logout, a login over it, a renewal, a theft. */
	abandoned: string | undefined;
	/** The living token was never received by anybody. */
	lostInFlight: boolean;
}

interface RefreshToken {
	readonly family: Family;
	spentBy: Spender | undefined;
	/** The how-manieth rotation of its family spent it. */
	spentAt: number;
	/** The answer of the rotation that spent it never arrived. */
	replyLost: boolean;
}

interface AccessToken {
	readonly family: Family;
	readonly expiresAt: number;
	dead: boolean;
}

export interface Presentation {
	readonly token: string;
	readonly family: Family | undefined;
	readonly by: Spender;
	/** It had been spent before, and by whom. */
	readonly spentBefore: Spender | undefined;
	readonly replyWasLost: boolean;
}

const LOGIN_LIFETIME = 30 * DAY;

export class Provider {
	readonly families: Family[] = [];
	readonly semantics: Semantics;
	readonly #refreshTokens = new Map<string, RefreshToken>();
	readonly #fingerprints = new Map<Fingerprint, Family>();
	readonly #accessTokens = new Map<string, AccessToken>();
	readonly #timeline: Timeline;
	readonly #random: Random;
	#serial = 0;
	/** Outage: what every request meets until then. */
	downUntil = 0;
	downAs: "not-sent" | "dropped" | "server" = "not-sent";
	/** The next probe is answered 401, whatever the token; once in a run. */
	#falseAlarm: "none" | "raised" | "given" = "none";
	onPresented: (presentation: Presentation) => void = () => undefined;

	constructor(semantics: Semantics, timeline: Timeline, random: Random) {
		this.semantics = semantics;
		this.#timeline = timeline;
		this.#random = random;
	}

	get isDown(): boolean {
		return this.#timeline.now < this.downUntil;
	}

	login(account: string): ArmedSession {
		const family: Family = {
			id: this.families.length,
			account,
			loginAt: this.#timeline.now,
			deadline: this.#timeline.now + LOGIN_LIFETIME,
			newest: "",
			lineageId: "",
			rotations: 0,
			access: [],
			revoked: false,
			abandoned: undefined,
			lostInFlight: false,
		};
		this.families.push(family);
		return {
			kind: "login",
			accessToken: this.#issueAccess(family),
			refreshToken: this.#issueRefresh(family),
			expiresAt: this.#timeline.now + this.semantics.lifetime,
			deadline: family.deadline,
			scopes: ["user:inference", "user:profile"],
			account,
			rest: {},
		};
	}

	familyOf(refreshToken: string): Family | undefined {
		return this.#refreshTokens.get(refreshToken)?.family;
	}

	familyOfFingerprint(fp: Fingerprint): Family | undefined {
		return this.#fingerprints.get(fp);
	}

	/** The generation its rotation made. */
	generationSpent(token: string): number {
		return this.#refreshTokens.get(token)?.spentAt ?? 0;
	}

	isLiveAccess(token: string): boolean {
		const access = this.#accessTokens.get(token);
		if (access === undefined || access.family.revoked || access.dead) return false;
		return access.expiresAt > this.#timeline.now;
	}

	/** True time ms; 0 if it lives no more. */
	livesUntil(token: string): number {
		return this.isLiveAccess(token) ? (this.#accessTokens.get(token)?.expiresAt ?? 0) : 0;
	}

	/** Carries a refresh out, as a server does whether or not its answer will arrive. */
	refresh(token: string, by: Spender): RefreshOutcome {
		const known = this.#refreshTokens.get(token);
		this.onPresented({
			token,
			family: known?.family,
			by,
			spentBefore: known?.spentBy,
			replyWasLost: known?.replyLost ?? false,
		});
		if (known === undefined || known.family.revoked) return { kind: "dead" };
		const { family } = known;
		if (family.deadline <= this.#timeline.now) return { kind: "dead" };
		if (known.spentBy !== undefined && this.semantics.rotation === "strict") {
			this.revoke(family);
			return { kind: "dead" };
		}
		return this.#rotate(known, token, by);
	}

	#rotate(known: RefreshToken, token: string, by: Spender): RefreshOutcome {
		const { family } = known;
		const keeps = this.semantics.rotation === "none" || this.#random.chance(this.semantics.omits);
		if (this.semantics.killsOld) this.#killAccess(family);
		if (by === "vps") family.rotations += 1;
		known.spentBy = keeps ? undefined : by;
		known.spentAt = family.rotations;
		if (keeps) family.newest = token;
		return {
			kind: "rotated",
			theirNow: this.#shownClock(),
			tokens: {
				accessToken: this.#issueAccess(family),
				refreshToken: keeps ? undefined : this.#issueRefresh(family),
				expiresInMs: this.semantics.lifetime,
				deadlineInMs: family.deadline - this.#timeline.now,
				scopes: undefined,
			},
		};
	}

	/** The rotation that spent this token was never heard of by whoever asked. */
	loseReply(token: string, by: Spender): void {
		const known = this.#refreshTokens.get(token);
		if (known?.spentBy === undefined) return;
		known.replyLost = true;
		if (by === "vps") known.family.lostInFlight = true;
		else known.family.abandoned ??= "claude never heard the answer";
	}

	probe(token: string): ProbeOutcome {
		if (this.#falseAlarm === "raised") {
			this.#falseAlarm = "given";
			return { kind: "dead" };
		}
		const account = this.#accessTokens.get(token)?.family.account ?? "nobody";
		if (!this.isLiveAccess(token)) return { kind: "dead" };
		return { kind: "good", account, theirNow: this.#shownClock() };
	}

	/** The `Date` of an answer: mostly there and mostly true. */
	#shownClock(): number | undefined {
		if (this.#random.chance(0.1)) return undefined;
		const off = this.#random.chance(0.02) ? this.#random.between(-DAY, DAY) : 0;
		return this.#timeline.now + off;
	}

	raiseFalseAlarm(): void {
		if (this.#falseAlarm === "none") this.#falseAlarm = "raised";
	}

	revoke(family: Family): void {
		family.revoked = true;
		this.#killAccess(family);
	}

	#killAccess(family: Family): void {
		for (const access of family.access) access.dead = true;
		family.access.length = 0;
	}

	#issueRefresh(family: Family): Secret {
		const token = `sk-ant-ort01-SIM-${family.id}-${this.#serial++}`;
		const secret = new Secret(token);
		this.#refreshTokens.set(token, { family, spentBy: undefined, spentAt: 0, replyLost: false });
		this.#fingerprints.set(fingerprint(secret), family);
		family.newest = token;
		family.lineageId ||= lineageIdOf(fingerprint(secret));
		return secret;
	}

	#issueAccess(family: Family): Secret {
		const token = `sk-ant-oat01-SIM-${family.id}-${this.#serial++}`;
		const expiresAt = this.#timeline.now + this.semantics.lifetime;
		const access = { family, expiresAt, dead: false };
		this.#accessTokens.set(token, access);
		family.access.push(access);
		return new Secret(token);
	}
}

export function drawSemantics(random: Random): Semantics {
	return {
		rotation: random.pick(["strict", "strict", "strict", "lenient", "none"]),
		killsOld: random.chance(0.5),
		omits: random.chance(0.2) ? 0.3 : 0,
		lifetime: random.pick([8 * HOUR, 8 * HOUR, 3 * HOUR, HOUR]),
	};
}
