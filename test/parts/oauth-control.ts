import type { ProviderFault } from "./provider-fault.ts";
import type { Presentation } from "./token-ledger.ts";

/** The entry `claudeAiOauth` of a credentials file, as a login leaves it. Times are ms since 1970. */
export interface ClaudeAiOauth {
	accessToken: string;
	refreshToken: string;
	expiresAt: number;
	refreshTokenExpiresAt: number;
	scopes: string[];
	subscriptionType: string;
	rateLimitTier: string;
	accountUuid: string;
	organizationUuid: string;
}

export interface Account {
	uuid: string;
	email: string;
	organizationUuid: string;
}

export interface OAuthServerOptions {
	/** Lifetime of an access token, whole seconds. */
	accessTokenSeconds: number;
	/** Login to its fixed end, whole seconds; 30 days unless said otherwise. */
	refreshTokenDeadlineSeconds?: number;
	/** A rotation kills the previous access tokens at once; true unless said otherwise. */
	killOldAccess?: boolean;
	/** A refresh replaces the refresh token; true unless said otherwise. */
	rotate?: boolean;
	clientId?: string;
	/** 0, the default, takes a free one. */
	port?: number;
}

export interface LoginOptions {
	account?: Account;
	/** Only for the access token the login comes with. */
	accessTokenSeconds?: number;
	refreshTokenDeadlineSeconds?: number;
}

/** The addresses that faults can be armed for. */
export type Target = "token" | "profile" | "revoke";

/** Which login and whose: what a live access token stands for. */
export interface LiveAccess {
	account: Account;
	scopes: string[];
}

/**
 * What a test may ask of an OAuth server, in this process or in one of its own. Asking observes;
 * only `mint…`, `kill…`, `revoke…` and the faults change anything.
 */
export interface OAuthControl {
	/** As `/login` would: a new login with a deadline of its own. Other logins live on. */
	mintLogin(options?: LoginOptions): Promise<ClaudeAiOauth>;
	/** As `claude setup-token` would: one year, scope user:inference, no refresh token. */
	mintSetupToken(account?: Account): Promise<string>;
	/** Whether the resource server should take it; undefined when it is dead. */
	liveAccess(accessToken: string): Promise<LiveAccess | undefined>;
	/** Whether a refresh with this token would be granted now. */
	liveRefresh(refreshToken: string): Promise<boolean>;
	/** Ends one access token before its time. */
	killAccess(accessToken: string): Promise<void>;
	/** Ends a login and all that descends from it, as a logout elsewhere would. */
	revokeLogin(lineageId: string): Promise<void>;
	/** Changes how the provider behaves from the next request on. */
	change(
		options: Partial<Pick<OAuthServerOptions, "accessTokenSeconds" | "killOldAccess" | "rotate">>,
	): Promise<void>;
	/** Arms a fault for the next `times` requests (1), or until cleared. Queued behind earlier ones. */
	inject(target: Target, fault: ProviderFault, times?: number | "until-cleared"): Promise<void>;
	clearFaults(target?: Target): Promise<void>;
	/** Lets every held request go on. */
	release(): Promise<void>;
	/** Resolves once this many requests are held. Throws after `limitMs` (10 s). */
	untilHeld(count?: number, limitMs?: number): Promise<void>;
	/** Refuses connections until `up`. */
	down(): Promise<void>;
	up(): Promise<void>;
	/** Every use of a refresh token at the token endpoint, in order of arrival. */
	presentations(lineageId?: string): Promise<Presentation[]>;
	rotations(lineageId: string): Promise<number>;
	/** Presentations of a token that a rotation had already replaced. */
	spentTwice(lineageId?: string): Promise<Presentation[]>;
}

/** Where the server is. */
export interface OAuthAddresses {
	/** `http://127.0.0.1:PORT`. */
	url: string;
	tokenUrl: string;
	profileUrl: string;
	revokeUrl: string;
	clientId: string;
}

export interface OAuthServer extends OAuthControl, OAuthAddresses {
	readonly port: number;
	/** Ends every connection and listener at once, answering nothing that is held. */
	close(): Promise<void>;
}

/** The calls of `OAuthControl` by name, for a server in another process. */
export const CONTROL_CALLS = [
	"mintLogin",
	"mintSetupToken",
	"liveAccess",
	"liveRefresh",
	"killAccess",
	"revokeLogin",
	"change",
	"inject",
	"clearFaults",
	"release",
	"untilHeld",
	"down",
	"up",
	"presentations",
	"rotations",
	"spentTwice",
] as const satisfies readonly (keyof OAuthControl)[];
