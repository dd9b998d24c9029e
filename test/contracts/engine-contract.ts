/**
 * What every engine owes the custodian, whatever the provider does: its outcome says "used up", "surely
 * not used up" or "nobody can say", and is never more hopeful than the truth. No failure is thrown, and
 * no refresh token is presented twice in one call.
 */
import { fingerprint } from "@baton/core/lineage";
import type { RefreshOutcome } from "@baton/core/oauth";
import { type ArmedSession, isArmed, parseEntry } from "@baton/core/session";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../packages/vps/src/engines/engine.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import type { ProviderFault } from "../parts/provider-fault.ts";
import { lineageOf } from "../parts/token-ledger.ts";

export interface EngineSubject {
	name: string;
	/** @param requestLimit ms within which a refresh must have ended */
	make(server: OAuthServer, requestLimit: number): Engine;
	/** Long enough on a busy machine, short enough for the tests of slow providers; ms. */
	requestLimit: number;
	/** Another engine for the same folder, as after a restart. */
	restart(): Engine;
	/** Statuses of which it does not hear. */
	hides?: readonly number[];
	/** It does not hear when to come again. */
	hidesRetryAfter?: boolean;
	/** It keeps the outcome until that is durable. */
	keeps?: boolean;
	/** It reads an answer of any length. */
	readsHuge?: boolean;
	/** Everything it has written that is still there, as one text. */
	leftBehind(): string;
	/** Ends what the test has left running. */
	end(): void;
}

export function engineContract(subject: EngineSubject): void {
	describe(`engine ${subject.name}`, () => {
		let server: OAuthServer;
		let engine: Engine;

		beforeEach(async () => {
			server = await startOAuthServer({ accessTokenSeconds: 600 });
			engine = subject.make(server, subject.requestLimit);
		});
		afterEach(async () => {
			subject.end();
			await server.close();
		});

		async function login(): Promise<ArmedSession> {
			const session = parseEntry(await server.mintLogin());
			if (!isArmed(session)) throw new Error("a minted login has a refresh token");
			return session;
		}

		async function refreshUnder(fault: ProviderFault): Promise<RefreshOutcome> {
			await server.inject("token", fault);
			const session = await login();
			const outcome = await engine.refresh(session);
			expect((await server.presentations()).length).toBeLessThanOrEqual(1);
			expect(JSON.stringify(outcome)).not.toContain("CANARY");
			return outcome;
		}

		test("a granted refresh is a rotation with tokens that live", async () => {
			const session = await login();
			const outcome = await engine.refresh(session);
			expect(outcome.kind).toBe("rotated");
			if (outcome.kind !== "rotated") return;
			const { accessToken, refreshToken, expiresInMs, deadlineInMs } = outcome.tokens;
			expect(await server.liveAccess(accessToken.reveal())).toBeDefined();
			expect(await server.liveRefresh(refreshToken?.reveal() ?? "")).toBe(true);
			expect(expiresInMs).toBeGreaterThan(600_000 - subject.requestLimit);
			expect(expiresInMs).toBeLessThanOrEqual(600_000);
			expect(deadlineInMs).toBeGreaterThan(29 * 24 * 3_600_000);
			expect(await server.presentations()).toMatchObject([{ outcome: "rotated", answered: true }]);
		});

		test("without a new refresh token nothing is retired", async () => {
			const outcome = await refreshUnder({ kind: "omit-refresh-token" });
			expect(outcome).toMatchObject({ kind: "rotated", tokens: { refreshToken: undefined } });
		});

		test("invalid_grant is dead", async () => {
			const session = await login();
			await server.revokeLogin(lineageOf(session.refreshToken.reveal()));
			expect(await engine.refresh(session)).toEqual({ kind: "dead" });
		});

		test.each([
			[429, { retryAfter: 120 }, { why: "rate-limited", retryAfterMs: 120_000 }],
			[403, {}, { why: "forbidden" }],
			[500, {}, { why: "server" }],
			[503, { retryAfter: 7 }, { why: "server", retryAfterMs: 7_000 }],
			[307, {}, { why: "server" }],
			[404, {}, { why: "request" }],
		])("%s is a refusal that used nothing up", async (status, more, { why, ...expected }) => {
			const outcome = await refreshUnder({ kind: "status", status, ...more });
			if (subject.hides?.includes(status)) return expect(outcome).toEqual({ kind: "no-reply" });
			const hides = subject.hidesRetryAfter === true && status < 500;
			expect(outcome).toMatchObject({ kind: "refused", why, ...(hides ? {} : expected) });
		});

		test("Retry-After may be a date", async () => {
			const retryAfter = new Date(Date.now() + 60_000).toUTCString();
			const outcome = await refreshUnder({ kind: "status", status: 503, retryAfter });
			if (outcome.kind !== "refused") throw new Error(outcome.kind);
			expect(outcome.retryAfterMs).toBeGreaterThan(50_000);
			expect(outcome.retryAfterMs).toBeLessThanOrEqual(60_000);
		});

		test.each<[string, ProviderFault]>([
			["a reply lost after rotating", { kind: "lose-reply" }],
			["a connection ended before an answer", { kind: "drop-request" }],
			["a body cut half-way", { kind: "body", body: "truncated" }],
			["a body that stalls", { kind: "body", body: "stalled" }],
			["a body that is no JSON", { kind: "body", body: "garbage" }],
			["a page of something in between", { kind: "body", body: "html", when: "before" }],
			["an empty body", { kind: "body", body: "empty" }],
			[
				"an answer that comes too late",
				{ kind: "delay", ms: 2 * subject.requestLimit, when: "after" },
			],
			["a gateway's timeout", { kind: "status", status: 504, when: "after" }],
		])("%s leaves it in doubt", async (_name, fault) => {
			const started = performance.now();
			expect(await refreshUnder(fault)).toEqual({ kind: "no-reply" });
			expect(performance.now() - started).toBeLessThan(1.5 * subject.requestLimit);
		});

		test("a huge body is read or leaves it in doubt", async () => {
			const outcome = await refreshUnder({ kind: "body", body: "huge" });
			expect(outcome.kind).toBe(subject.readsHuge ? "rotated" : "no-reply");
		});

		test("a refused connection was never sent", async () => {
			const session = await login();
			await server.down();
			expect(await engine.refresh(session)).toEqual({ kind: "not-sent" });
			await server.up();
			expect(await engine.refresh(session)).toMatchObject({ kind: "rotated" });
			expect(await server.spentTwice()).toEqual([]);
		});

		test("a harvest with nothing left behind finds nothing and spends nothing", async () => {
			await engine.refresh(await login());
			const nothing = { kind: "nothing", endedAt: undefined };
			expect(await engine.harvest("0".repeat(64))).toEqual(nothing);
			expect(await server.presentations()).toHaveLength(1);
		});

		test("once the outcome is durable nothing secret is left, and before that what is needed", async () => {
			const session = await login();
			const fp = fingerprint(session.refreshToken);
			const outcome = await engine.refresh(session);
			if (outcome.kind !== "rotated") throw new Error(outcome.kind);
			const next = fingerprint(outcome.tokens.refreshToken ?? session.refreshToken);
			const open = {
				isOpen: (one: string) => one === fp,
				isNewest: () => false,
				knows: () => true,
			};
			await engine.settled(open);
			const again = await subject.restart().harvest(fp);
			expect(again.kind).toBe(subject.keeps ? "rotated" : "nothing");
			if (again.kind === "rotated") {
				expect(fingerprint(again.tokens.refreshToken ?? session.refreshToken)).toBe(next);
			}
			const held = { isOpen: () => false, isNewest: (one: string) => one === next };
			await engine.settled({ ...held, knows: (one) => one === fp || one === next });
			expect(subject.leftBehind()).not.toContain("CANARY");
			expect(await server.presentations()).toHaveLength(1);
		});

		test("what a refused refresh has left goes too, and the token is refreshed later", async () => {
			await server.inject("token", { kind: "status", status: 403 });
			const session = await login();
			const fp = fingerprint(session.refreshToken);
			expect((await engine.refresh(session)).kind).toBe("refused");
			await engine.settled({
				isOpen: () => false,
				isNewest: (one) => one === fp,
				knows: (one) => one === fp,
			});
			expect(subject.leftBehind()).not.toContain("CANARY");
			expect((await engine.refresh(session)).kind).toBe("rotated");
		});
	});
}
