import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, FaultyExchange } from "./faulty-exchange.ts";
import {
	answerJson,
	bearerOf,
	type LoopbackServer,
	readBody,
	startLoopbackServer,
} from "./loopback-server.ts";
import type {
	Account,
	ClaudeAiOauth,
	LiveAccess,
	LoginOptions,
	OAuthServer,
	OAuthServerOptions,
	Target,
} from "./oauth-control.ts";
import { answerStatus, type ProviderFault } from "./provider-fault.ts";
import { type StrictProvider, startStrictProvider } from "./strict-provider.ts";
import { lineageOf, type Presentation, TokenLedger } from "./token-ledger.ts";

/** Stands in every token, so that one search finds any of them in a place it should not be. */
export const CANARY = "CANARY";
const ACCESS_PREFIX = `sk-ant-oat01-${CANARY}`;
export const REFRESH_PREFIX = `sk-ant-ort01-${CANARY}`;

const CLAUDE_CLIENT_ID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";

const SCOPES = ["user:inference", "user:profile"];
const THIRTY_DAYS = 30 * 24 * 3600;
const ONE_YEAR = 365 * 24 * 3600;

/**
 * Starts a server that looks from outside like Claude's provider and is a real `oidc-provider`
 * inside: strict rotation, replay revokes the family. Only the prefixes, the JSON, the fixed end of a
 * login and the faults are this front's own.
 */
export async function startOAuthServer(options: OAuthServerOptions): Promise<OAuthServer> {
	const server = new OAuthFront(options);
	await server.start(options.port ?? 0);
	return server;
}

class OAuthFront implements OAuthServer {
	readonly clientId: string;
	#provider!: StrictProvider;
	#server!: LoopbackServer;
	readonly #options: OAuthServerOptions;
	readonly #ledger = new TokenLedger();
	readonly #faults = new FaultyExchange();
	readonly #accounts = new Map<string, Account>();
	readonly #grants = new Map<string, string>();

	constructor(options: OAuthServerOptions) {
		this.#options = { ...options };
		this.clientId = options.clientId ?? CLAUDE_CLIENT_ID;
	}

	async start(port: number): Promise<void> {
		this.#provider = await startStrictProvider({
			clientId: this.clientId,
			accessTokenSeconds: () => this.#options.accessTokenSeconds,
			rotates: () => this.#options.rotate !== false,
		});
		this.#server = await startLoopbackServer((q, r) => this.#route(q, r), port);
	}

	get port(): number {
		return this.#server.port;
	}
	get url(): string {
		return this.#server.url;
	}
	get tokenUrl(): string {
		return `${this.url}/v1/oauth/token`;
	}
	get revokeUrl(): string {
		return `${this.url}/v1/oauth/revoke`;
	}
	get profileUrl(): string {
		return `${this.url}/api/oauth/profile`;
	}

	async mintLogin(options: LoginOptions = {}): Promise<ClaudeAiOauth> {
		const account = this.#accountFor(options.account);
		const seconds = options.accessTokenSeconds ?? this.#options.accessTokenSeconds;
		const deadlineSeconds =
			options.refreshTokenDeadlineSeconds ??
			this.#options.refreshTokenDeadlineSeconds ??
			THIRTY_DAYS;
		const now = Date.now();
		const endsAt = now + deadlineSeconds * 1000;
		const minted = await this.#provider.mint({
			accountId: account.uuid,
			scope: SCOPES.join(" "),
			accessTokenSeconds: seconds,
			endsAt,
		});
		const refreshToken = REFRESH_PREFIX + minted.refreshToken;
		const lineageId = lineageOf(refreshToken);
		this.#grants.set(lineageId, minted.grantId);
		this.#ledger.issued(refreshToken, lineageId);
		return {
			accessToken: ACCESS_PREFIX + minted.accessToken,
			refreshToken,
			expiresAt: now + seconds * 1000,
			refreshTokenExpiresAt: endsAt,
			scopes: [...SCOPES],
			subscriptionType: "max",
			rateLimitTier: "default_claude_max_5x",
			accountUuid: account.uuid,
			organizationUuid: account.organizationUuid,
		};
	}

	async mintSetupToken(account?: Account): Promise<string> {
		const { uuid } = this.#accountFor(account);
		const scope = "user:inference";
		const accessTokenSeconds = ONE_YEAR;
		const token = await this.#provider.mintAccess({ accountId: uuid, scope, accessTokenSeconds });
		return ACCESS_PREFIX + token;
	}

	async liveAccess(accessToken: string): Promise<LiveAccess | undefined> {
		const inner = within(ACCESS_PREFIX, accessToken);
		const live = inner && (await this.#provider.liveAccess(inner));
		const account = live && this.#accounts.get(live.accountId);
		return live && account ? { account, scopes: live.scope.split(" ") } : undefined;
	}

	async liveRefresh(refreshToken: string): Promise<boolean> {
		const inner = within(REFRESH_PREFIX, refreshToken);
		return !!inner && (await this.#provider.liveRefresh(inner)) !== undefined;
	}

	async killAccess(accessToken: string): Promise<void> {
		const inner = within(ACCESS_PREFIX, accessToken);
		if (inner) this.#provider.killAccess(inner);
	}

	async revokeLogin(lineageId: string): Promise<void> {
		const grantId = this.#grants.get(lineageId);
		if (!grantId) throw new Error(`no login ${lineageId} was minted here`);
		this.#provider.killGrant(grantId);
	}

	async change(options: Partial<OAuthServerOptions>): Promise<void> {
		Object.assign(this.#options, options);
	}

	async inject(
		target: Target,
		fault: ProviderFault,
		times: number | "until-cleared" = 1,
	): Promise<void> {
		this.#faults.inject(target, fault, times);
	}

	async clearFaults(target?: Target): Promise<void> {
		this.#faults.clear(target);
	}

	async release(): Promise<void> {
		this.#faults.release();
	}

	async untilHeld(count = 1, limitMs = 10_000): Promise<void> {
		await this.#faults.untilHeld(count, limitMs);
	}

	down(): Promise<void> {
		return this.#server.down();
	}

	up(): Promise<void> {
		return this.#server.up();
	}

	async presentations(lineageId?: string): Promise<Presentation[]> {
		return this.#ledger.presentations(lineageId);
	}

	async rotations(lineageId: string): Promise<number> {
		return this.#ledger.rotations(lineageId);
	}

	async spentTwice(lineageId?: string): Promise<Presentation[]> {
		return this.#ledger.spentTwice(lineageId);
	}

	async close(): Promise<void> {
		await this.#server.close();
		await this.#provider.close();
	}

	#accountFor(wanted: Account | undefined): Account {
		const uuid = wanted?.uuid ?? randomUUID();
		const email = `${uuid.slice(0, 8)}@example.invalid`;
		const account = wanted ?? { uuid, email, organizationUuid: randomUUID() };
		this.#accounts.set(account.uuid, account);
		return account;
	}

	async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
		switch (`${request.method} ${path}`) {
			case "POST /v1/oauth/token":
				return await this.#token(request, response);
			case "POST /v1/oauth/revoke":
				return await this.#revoke(request, response);
			case "GET /api/oauth/profile":
				return await this.#profile(request, response);
			default:
				answerJson(response, 404, apiError("not_found_error", "not found"));
		}
	}

	async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const form = parseParameters(request, await readBody(request));
		if (!form) return answerJson(response, 400, { error: "invalid_request" });
		const { refresh_token: token } = form;
		if (token === undefined) return this.#knock(response);
		const userAgent = request.headers["user-agent"] ?? "";
		const entry = this.#ledger.presented(token, userAgent, Date.now());
		await this.#faults.run({
			response,
			target: "token",
			perform: (fault) => this.#refresh(form, token, entry, fault),
			answered: () => {
				entry.answered = true;
			},
		});
		if (entry.outcome === "pending") entry.outcome = "dropped";
	}

	/** A grant without its token: nothing is presented, and how the address is answered shows. */
	#knock(response: ServerResponse): void {
		const fault = this.#faults.next("token");
		const isAnswered = fault?.kind === "status" && fault.when !== "after";
		if (isAnswered) return answerStatus(response, fault.status, fault.retryAfter);
		answerJson(response, 400, { error: "invalid_request" });
	}

	/** One refresh at the provider, in the provider's order, and its line in the ledger. */
	async #refresh(
		form: Record<string, string>,
		token: string,
		entry: Presentation,
		fault: ProviderFault | undefined,
	): Promise<Answer> {
		const inner = within(REFRESH_PREFIX, token) ?? "unknown";
		const omits = fault?.kind === "omit-refresh-token";
		const answer = await this.#provider.token({ ...form, refresh_token: inner }, omits);
		const { access_token: access, refresh_token: next, ...rest } = answer.body;
		if (answer.status !== 200) {
			entry.outcome = "refused";
			entry.error = String(answer.body.error);
			return answer;
		}
		const grantId = this.#provider.grantOf(inner) ?? "";
		if (next === inner) entry.outcome = "kept";
		else this.#ledger.rotated(entry, REFRESH_PREFIX + next);
		if (this.#options.killOldAccess !== false) {
			this.#provider.killOlderAccess(grantId, String(access));
		}
		const endsAt = this.#provider.endOf(grantId) ?? Date.now();
		return {
			status: 200,
			body: {
				...rest,
				access_token: ACCESS_PREFIX + access,
				...(omits ? {} : { refresh_token: REFRESH_PREFIX + next }),
				refresh_token_expires_in: Math.floor((endsAt - Date.now()) / 1000),
			},
		};
	}

	async #revoke(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const form = parseParameters(request, await readBody(request));
		if (!form) return answerJson(response, 400, { error: "invalid_request" });
		const token = form.token ?? "";
		const inner = within(REFRESH_PREFIX, token) ?? within(ACCESS_PREFIX, token) ?? "unknown";
		await this.#faults.run({
			response,
			target: "revoke",
			perform: () => this.#provider.revoke({ ...form, token: inner }),
		});
	}

	async #profile(request: IncomingMessage, response: ServerResponse): Promise<void> {
		await this.#faults.run({
			response,
			target: "profile",
			perform: async () => profileAnswer(await this.liveAccess(bearerOf(request) ?? "")),
		});
	}
}

/** The part of a token behind its prefix: what the provider itself calls the token. */
function within(prefix: string, token: string): string | undefined {
	return token.startsWith(prefix) ? token.slice(prefix.length) : undefined;
}

/** JSON or a form; undefined when it is neither, or not plain values throughout. */
function parseParameters(
	request: IncomingMessage,
	body: string,
): Record<string, string> | undefined {
	if (!request.headers["content-type"]?.startsWith("application/json")) {
		return Object.fromEntries(new URLSearchParams(body));
	}
	try {
		const entries = Object.entries(JSON.parse(body) as object);
		return entries.every(([, value]) => ["string", "number"].includes(typeof value))
			? Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
			: undefined;
	} catch {
		return undefined;
	}
}

function profileAnswer(live: LiveAccess | undefined): Answer {
	if (!live) return { status: 401, body: apiError("authentication_error", "invalid bearer token") };
	if (!live.scopes.includes("user:profile")) {
		return { status: 403, body: apiError("permission_error", "scope user:profile is missing") };
	}
	const { uuid, email, organizationUuid } = live.account;
	return {
		status: 200,
		body: {
			account: { uuid, email, full_name: "Test Person", has_claude_max: true },
			organization: {
				uuid: organizationUuid,
				organization_type: "claude_max",
				rate_limit_tier: "default_claude_max_5x",
			},
		},
	};
}

function apiError(type: string, message: string): Record<string, unknown> {
	return { type: "error", error: { type, message } };
}
