import { createHash } from "node:crypto";

/** SHA-256 of a token, hex: the only form in which these parts remember one. */
export function fingerprintOf(token: string): string {
	return createHash("sha256").update(token).digest("hex");
}

/** The name of a login: first 16 hex digits of its first refresh token's fingerprint. */
export function lineageOf(firstRefreshToken: string): string {
	return fingerprintOf(firstRefreshToken).slice(0, 16);
}

/** One time that somebody sent a refresh token to the token endpoint. */
export interface Presentation {
	/** When it arrived, ms since 1970. */
	at: number;
	fp: string;
	/** Missing for a token this server never issued. */
	lineageId?: string;
	/** The caller's `User-Agent`: tells the parties of a test apart. */
	userAgent: string;
	/** A rotation had replaced this token before it arrived. */
	spentBefore: boolean;
	/**
	 * `pending` while it is held up, `dropped` when the provider never saw it, `rotated`, `kept` when
	 * the provider answered without replacing it, `refused` with the OAuth error.
	 */
	outcome: "pending" | "dropped" | "rotated" | "kept" | "refused";
	error?: string;
	/** Fingerprint of the refresh token that a rotation put in its place. */
	replacedBy?: string;
	/** The answer left the server whole. Says nothing about its arrival. */
	answered: boolean;
}

/** Who presented what, kept apart from the provider's own store so that each can check the other. */
export class TokenLedger {
	readonly #presentations: Presentation[] = [];
	readonly #lineageOfFp = new Map<string, string>();
	readonly #spent = new Set<string>();

	/** A refresh token was issued by a login, or by a rotation of `lineageId`. */
	issued(refreshToken: string, lineageId: string): void {
		this.#lineageOfFp.set(fingerprintOf(refreshToken), lineageId);
	}

	presented(refreshToken: string, userAgent: string, at: number): Presentation {
		const fp = fingerprintOf(refreshToken);
		const lineageId = this.#lineageOfFp.get(fp);
		const presentation: Presentation = {
			at,
			fp,
			...(lineageId === undefined ? {} : { lineageId }),
			userAgent,
			spentBefore: this.#spent.has(fp),
			outcome: "pending",
			answered: false,
		};
		this.#presentations.push(presentation);
		return presentation;
	}

	rotated(presentation: Presentation, newRefreshToken: string): void {
		presentation.outcome = "rotated";
		presentation.replacedBy = fingerprintOf(newRefreshToken);
		this.#spent.add(presentation.fp);
		if (presentation.lineageId) this.issued(newRefreshToken, presentation.lineageId);
	}

	presentations(lineageId?: string): Presentation[] {
		return this.#presentations.filter((p) => !lineageId || p.lineageId === lineageId);
	}

	rotations(lineageId: string): number {
		return this.presentations(lineageId).filter((p) => p.outcome === "rotated").length;
	}

	/** Every presentation of a token that a rotation had already replaced. */
	spentTwice(lineageId?: string): Presentation[] {
		return this.presentations(lineageId).filter((p) => p.spentBefore);
	}
}
