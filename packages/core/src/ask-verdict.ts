/** What whoever asks for a refresh is told at once. */

export type AskDecline =
	/** Less than a quarter of the access token's life is over. */
	| "too-soon"
	/** The provider, or its absence, has to be waited for. */
	| "backing-off"
	/** Of a token whose end is not known no quarter can be told. */
	| "end-unknown"
	/** A setup token, or a login that has reached its end. */
	| "no-refresh"
	/** No login, or one that is lost, in doubt or not claimed yet. */
	| "not-held";

export type AskVerdict =
	/** It is about to be refreshed, or is already. */
	| { readonly kind: "asked" }
	/** `from`: the instant at which it may be asked for again, wall-clock ms, where that can be told. */
	| { readonly kind: "declined"; readonly why: AskDecline; readonly from?: number };
