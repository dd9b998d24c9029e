/** What every source of logins on the PC has to do, wherever it keeps them. */

import { fingerprint } from "@baton/core/lineage";
import { Secret } from "@baton/core/secret";
import { type ArmedSession, isArmed, parseEntry } from "@baton/core/session";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Source } from "../../packages/pc/src/sources/source.ts";

/** One source with its place, and claude's view of it. */
export interface SourceUnderTest {
	readonly source: Source;
	/** As claude's `/login` leaves it. */
	put(entry: object): Promise<void>;
	/** The entry that claude would find. */
	entry(): Promise<Record<string, unknown> | undefined>;
	/** What stands beside the entry and is not the login's. */
	siblings(): Promise<object>;
	/** What claude tells a change by. */
	version(): Promise<unknown>;
	/** Spoils what is there, so that it is no login's form. */
	spoil(): Promise<void>;
	/** Holds what claude holds while it refreshes; returns what lets go. */
	lockAsClaude(): Promise<() => Promise<void>>;
	remove(): Promise<void>;
}

export interface SourceKind {
	readonly name: string;
	/** Whether the access token is left to a running claude when the login is disarmed. */
	readonly leavesAccess: boolean;
	make(): Promise<SourceUnderTest>;
}

const DAY = 86_400_000;

function loginOf(name: string) {
	return {
		accessToken: `sk-ant-oat01-CANARY-${name}-access`,
		refreshToken: `sk-ant-ort01-CANARY-${name}-refresh`,
		expiresAt: Date.now() + DAY,
		refreshTokenExpiresAt: Date.now() + 30 * DAY,
		scopes: ["user:inference"],
		keyOfLaterVersions: { kept: true },
	};
}

function fpOf({ refreshToken }: { refreshToken: string }): string {
	return fingerprint(new Secret(refreshToken));
}

function armed(entry: object): ArmedSession {
	const session = parseEntry(entry);
	if (!isArmed(session)) throw new Error("the entry has no refresh token");
	return session;
}

export function sourceContract({ name, leavesAccess, make }: SourceKind): void {
	const login = loginOf("one");
	let tested: SourceUnderTest;
	const hold = () => tested.source.hold(new AbortController().signal);

	beforeEach(async () => {
		tested = await make();
	});
	afterEach(() => tested.remove());

	describe(`${name}: a look`, () => {
		test("finds nothing where nothing is", async () => {
			expect((await tested.source.read()).kind).toBe("blank");
		});

		test("finds the login", async () => {
			await tested.put(login);
			const reading = await tested.source.read();
			expect(reading).toMatchObject({ kind: "login", fp: fpOf(login) });
		});

		test("finds a blanked one blank", async () => {
			await tested.put({ ...login, refreshToken: "", accessToken: "", expiresAt: 0 });
			expect((await tested.source.read()).kind).toBe("blank");
		});

		test("says of what it cannot read that it cannot, and shows no token", async () => {
			await tested.put(login);
			await tested.spoil();
			const reading = await tested.source.read();
			expect(reading.kind).toBe("unreadable");
			expect(JSON.stringify(reading)).not.toContain("CANARY");
		});

		test("changes nothing", async () => {
			await tested.put(login);
			const before = await tested.version();
			await tested.source.read();
			expect(await tested.version()).toEqual(before);
		});
	});

	describe(`${name}: a disarm`, () => {
		test("takes the refresh token away, and claude notices", async () => {
			await tested.put(login);
			const before = await tested.version();
			const held = await hold();
			await held.disarm(fpOf(login));
			expect((await held.read()).kind).toBe("blank");
			await held.release();
			expect(await tested.version()).not.toEqual(before);
			const { refreshToken: _, ...others } = login;
			const left = leavesAccess ? { ...others, refreshToken: "" } : undefined;
			expect(await tested.entry()).toEqual(left);
		});

		test("keeps what is not the login's", async () => {
			await tested.put(login);
			const before = await tested.siblings();
			const held = await hold();
			await held.disarm(fpOf(login));
			await held.release();
			expect(await tested.siblings()).toEqual(before);
		});

		test("of another login than the one that is there does nothing", async () => {
			await tested.put(login);
			const held = await hold();
			await expect(held.disarm(fpOf(loginOf("other")))).rejects.toMatchObject({
				code: "bad-credentials",
			});
			await held.release();
			expect(await tested.entry()).toEqual(login);
		});
	});

	describe(`${name}: putting back`, () => {
		test("restores the login as it was", async () => {
			await tested.put(login);
			const held = await hold();
			await held.disarm(fpOf(login));
			await held.restore(armed(login));
			await held.release();
			expect(await tested.entry()).toEqual(login);
		});

		test("works where nothing ever was", async () => {
			const held = await hold();
			await held.restore(armed(login));
			await held.release();
			expect(await tested.entry()).toEqual(login);
		});

		test("never overwrites a login, nor what cannot be read", async () => {
			const other = loginOf("other");
			await tested.put(other);
			const held = await hold();
			await expect(held.restore(armed(login))).rejects.toMatchObject({ code: "bad-credentials" });
			expect(await tested.entry()).toEqual(other);
			await tested.spoil();
			await expect(held.restore(armed(login))).rejects.toMatchObject({ code: "bad-credentials" });
			await held.release();
		});
	});

	describe(`${name}: the locks`, () => {
		test("keep a second one out until they are released", async () => {
			const held = await hold();
			await expect(hold()).rejects.toMatchObject({ code: "locked" });
			await held.release();
			await held.release();
			const again = await hold();
			await again.release();
		});

		test("are waited for while claude holds them", async () => {
			const letGo = await tested.lockAsClaude();
			await expect(hold()).rejects.toMatchObject({ code: "locked" });
			await letGo();
			await (await hold()).release();
		});

		test("are no longer waited for once told to stop", async () => {
			const letGo = await tested.lockAsClaude();
			const stop = new AbortController();
			const waiting = tested.source.hold(stop.signal);
			stop.abort(new Error("stop"));
			await expect(waiting).rejects.toThrow("stop");
			await letGo();
		});
	});
}
