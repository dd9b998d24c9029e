import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { Adapter, AdapterPayload, Configuration } from "oidc-provider";
import type { Answer } from "./faulty-exchange.ts";
import { type LoopbackServer, startLoopbackServer } from "./loopback-server.ts";

export interface StrictProviderSettings {
	clientId: string;
	/** Lifetime of an access token, seconds; asked at every issue. */
	accessTokenSeconds(): number;
	/** Whether a refresh replaces the refresh token; asked at every refresh. */
	rotates(): boolean;
}

export interface MintedLogin {
	grantId: string;
	accessToken: string;
	refreshToken: string;
}

/** A real `oidc-provider` on a loopback port of its own; tokens here bear no prefix yet. */
export interface StrictProvider {
	/** `endsAt`: the fixed end of the login, ms since 1970; no rotation moves it. */
	mint(login: {
		accountId: string;
		scope: string;
		accessTokenSeconds: number;
		endsAt: number;
	}): Promise<MintedLogin>;
	/** An access token with no refresh token behind it. */
	mintAccess(login: {
		accountId: string;
		scope: string;
		accessTokenSeconds: number;
	}): Promise<string>;
	/**
	 * The token endpoint. One request at a time, as a row lock would have it. `keeps`: this refresh
	 * does not rotate, whatever the settings say.
	 */
	token(form: Record<string, string>, keeps?: boolean): Promise<Answer>;
	/** The revocation endpoint (RFC 7009). */
	revoke(form: Record<string, string>): Promise<Answer>;
	/** The login an access token speaks for; undefined when it is dead. */
	liveAccess(accessToken: string): Promise<{ accountId: string; scope: string } | undefined>;
	/** The grant of a refresh token that would be honoured now. Changes nothing. */
	liveRefresh(refreshToken: string): Promise<string | undefined>;
	/** The grant a refresh token was ever issued under, spent or not. */
	grantOf(refreshToken: string): string | undefined;
	/** The end of the login of this grant, ms since 1970. */
	endOf(grantId: string): number | undefined;
	killAccess(accessToken: string): void;
	/** Kills every access token of the grant but the newest. */
	killOlderAccess(grantId: string, newest: string): void;
	/** Kills everything that descends from the grant. */
	killGrant(grantId: string): void;
	close(): Promise<void>;
}

const YEAR_SECONDS = 366 * 24 * 3600;

/** Starts the provider. Throws when its package refuses the settings. */
export async function startStrictProvider(
	settings: StrictProviderSettings,
): Promise<StrictProvider> {
	const rows = new Map<string, AdapterPayload>();
	const grantOf = new Map<string, string>();
	const endOf = new Map<string, number>();
	const { Provider } = await importQuietly();
	let keeping = false;
	const rotates = () => !keeping && settings.rotates();
	const configuration = configure({ ...settings, rotates }, rows, endOf);
	const provider = new Provider("http://127.0.0.1", configuration);
	provider.on("refresh_token.saved", (token) => {
		if (token.jti && token.grantId) grantOf.set(token.jti, token.grantId);
	});
	const callback = provider.callback();
	const server = await startLoopbackServer((request, response) => callback(request, response));
	const client = await provider.Client.find(settings.clientId);
	if (!client) throw new Error("the provider does not know its own client");

	const saveGrant = async (accountId: string, scope: string) => {
		const grant = new provider.Grant({ accountId, clientId: settings.clientId });
		grant.addOIDCScope(scope);
		return await grant.save();
	};
	const saveAccess = (accountId: string, grantId: string, scope: string, expiresIn: number) =>
		new provider.AccessToken({
			accountId,
			client,
			grantId,
			gty: "authorization_code",
			scope,
			expiresIn,
		}).save();
	const dropAccess = (keep: (row: AdapterPayload) => boolean) => {
		for (const [key, row] of rows) {
			if (row.kind === "AccessToken" && !keep(row)) rows.delete(key);
		}
	};
	let last: Promise<unknown> = Promise.resolve();

	const strict: StrictProvider = {
		async mint({ accountId, scope, accessTokenSeconds, endsAt }) {
			const grantId = await saveGrant(accountId, scope);
			endOf.set(grantId, endsAt);
			const gty = "authorization_code";
			const fresh = new provider.RefreshToken({ accountId, client, grantId, gty, scope });
			const refreshToken = await fresh.save();
			const accessToken = await saveAccess(accountId, grantId, scope, accessTokenSeconds);
			return { grantId, accessToken, refreshToken };
		},
		async mintAccess({ accountId, scope, accessTokenSeconds }) {
			const grantId = await saveGrant(accountId, scope);
			return await saveAccess(accountId, grantId, scope, accessTokenSeconds);
		},
		token(form, keeps = false) {
			const answer = last.then(() => {
				keeping = keeps;
				return postForm(server, "/token", form);
			});
			last = answer.catch(() => undefined);
			return answer;
		},
		revoke: (form) => postForm(server, "/token/revocation", form),
		async liveAccess(accessToken) {
			const token = await provider.AccessToken.find(accessToken);
			if (!token?.grantId || !(await provider.Grant.find(token.grantId))) return undefined;
			return { accountId: token.accountId, scope: token.scope ?? "" };
		},
		async liveRefresh(refreshToken) {
			const token = await provider.RefreshToken.find(refreshToken);
			if (!token?.grantId || !token.isValid) return undefined;
			return (await provider.Grant.find(token.grantId)) ? token.grantId : undefined;
		},
		grantOf: (refreshToken) => grantOf.get(refreshToken),
		endOf: (grantId) => endOf.get(grantId),
		killAccess: (accessToken) => dropAccess((row) => row.jti !== accessToken),
		killOlderAccess: (grantId, newest) =>
			dropAccess((row) => row.grantId !== grantId || row.jti === newest),
		killGrant(grantId) {
			for (const [key, row] of rows) {
				if (row.grantId === grantId || row.jti === grantId) rows.delete(key);
			}
		},
		close: () => server.close(),
	};
	await warmUp(strict, settings.clientId);
	return strict;
}

/** The first answer takes a multiple of the others' time: on a busy machine longer than some client waits. */
async function warmUp(provider: StrictProvider, clientId: string): Promise<void> {
	const login = { accountId: "nobody", scope: "user:inference", accessTokenSeconds: 1 };
	const { grantId, refreshToken } = await provider.mint({ ...login, endsAt: Date.now() + 60_000 });
	const grant = { grant_type: "refresh_token", client_id: clientId };
	await provider.token({ ...grant, refresh_token: refreshToken });
	provider.killGrant(grantId);
}

/** The package speaks on the console when it meets a Node it does not name. */
async function importQuietly(): Promise<typeof import("oidc-provider")> {
	const warn = console.warn;
	console.warn = () => undefined;
	try {
		return await import("oidc-provider");
	} finally {
		console.warn = warn;
	}
}

/** Every default that the package would warn about is set, so the console stays quiet. */
function configure(
	settings: StrictProviderSettings,
	rows: Map<string, AdapterPayload>,
	endOf: Map<string, number>,
): Configuration {
	const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	const key = { ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig", kid: "part" };
	return {
		adapter: (name: string) => rowsOf(name, rows),
		jwks: { keys: [key as never] },
		cookies: { keys: [randomBytes(16).toString("hex")] },
		clients: [
			{
				client_id: settings.clientId,
				application_type: "native",
				token_endpoint_auth_method: "none",
				grant_types: ["authorization_code", "refresh_token"],
				redirect_uris: ["http://127.0.0.1/callback"],
				id_token_signed_response_alg: "ES256",
			},
		],
		clockTolerance: 0,
		scopes: ["offline_access", "user:inference", "user:profile"],
		findAccount: (_context, accountId) => ({
			accountId,
			claims: async () => ({ sub: accountId }),
		}),
		rotateRefreshToken: () => settings.rotates(),
		features: {
			devInteractions: { enabled: false },
			revocation: {
				enabled: true,
				allowedPolicy: (_context, client, token) => token.clientId === client.clientId,
			},
			userinfo: { enabled: false },
			rpInitiatedLogout: { enabled: false },
			resourceIndicators: { enabled: false },
		},
		ttl: {
			AccessToken: () => settings.accessTokenSeconds(),
			RefreshToken: (_context, token) => secondsLeft(endOf.get(token.grantId ?? "") ?? 0),
			Grant: YEAR_SECONDS,
		},
	};
}

function secondsLeft(endsAt: number): number {
	return Math.max(1, Math.floor((endsAt - Date.now()) / 1000));
}

/** The provider's storage: one map for all kinds, rows found again by their kind and id. */
function rowsOf(kind: string, rows: Map<string, AdapterPayload>): Adapter {
	const find = (id: string) => rows.get(`${kind}:${id}`);
	return {
		upsert: async (id, payload) => void rows.set(`${kind}:${id}`, payload),
		find: async (id) => find(id),
		findByUid: async () => undefined,
		findByUserCode: async () => undefined,
		async consume(id) {
			const row = find(id);
			if (row) row.consumed = Math.floor(Date.now() / 1000);
		},
		destroy: async (id) => void rows.delete(`${kind}:${id}`),
		async revokeByGrantId(grantId) {
			for (const [key, row] of rows) {
				if (row.kind === kind && row.grantId === grantId) rows.delete(key);
			}
		},
	};
}

async function postForm(
	server: LoopbackServer,
	path: string,
	form: Record<string, string>,
): Promise<Answer> {
	const reply = await fetch(server.url + path, {
		method: "POST",
		body: new URLSearchParams(form),
	});
	const text = await reply.text();
	return { status: reply.status, body: text ? JSON.parse(text) : {} };
}
