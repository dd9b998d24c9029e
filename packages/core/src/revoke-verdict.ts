/** What whoever asks for a login to be ended is told, and what the provider made of it. */

export type RevokeVerdict =
	/** Durable by now: this login is never refreshed again, and is being logged out. */
	| { readonly kind: "revoking" }
	/** `nothing`: there is no login, or it is logged out. `busy`: another one is just being claimed. */
	| { readonly kind: "declined"; readonly why: "nothing" | "busy" };

/** What became of a logout at the provider. */
export type RevokeOutcome =
	/** The provider says that it has ended, or that it knows of no such login. */
	| { readonly kind: "revoked" }
	/** It will not, now or later: it has no such address, or takes no such request. */
	| { readonly kind: "impossible"; readonly why: string }
	/** Not reached, or refused for the moment. A logout does no harm twice. */
	| { readonly kind: "failed"; readonly why: string };
