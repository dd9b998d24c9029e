/**
 * The PC's durable copy of each login in transit: one encrypted file named for its fingerprint, with
 * the key in another folder.
 *
 * A copy is written before the store lets go of the login, and erased only once it is spare.
 */

import { readdir } from "node:fs/promises";
import { BatonError } from "@baton/core/error";
import type { EscrowFacts } from "@baton/core/handover-state";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import { type ArmedSession, formatEntry, isArmed, parseEntry } from "@baton/core/session";
import { removeLeftoversIn } from "@baton/io/atomic-file";
import { diskError, errnoOf } from "@baton/io/disk-error";
import type { KeySource } from "@baton/io/key-source";
import { openSecretStore, type SecretStore } from "@baton/io/secret-store";
import { decodeState, encodeState, type StateFormat } from "@baton/io/state-file";
import * as z from "zod/mini";

export interface Escrow {
	/** Durable on return. @throws BatonError `disk-failed`, `bad-state` */
	write(facts: EscrowFacts, session: ArmedSession): Promise<void>;
	/** @throws BatonError `bad-state` if it is missing or damaged */
	read(fp: Fingerprint): Promise<ArmedSession>;
	/** What lies here, without its secrets. @throws BatonError `bad-state` if one is damaged */
	list(): Promise<EscrowFacts[]>;
	/** Durable on return; well if it is gone. @throws BatonError `disk-failed` */
	erase(fp: Fingerprint): Promise<void>;
}

interface Kept {
	readonly facts: EscrowFacts;
	readonly session: ArmedSession;
}

const FILE = /^([0-9a-f]{64})\.secret$/;

export function openEscrow(folder: string, key: KeySource): Escrow {
	const store = openSecretStore({ folder, key });
	return {
		async write(facts, session) {
			await store.entry(facts.fp).save(encodeState({ facts, session }, FORMAT));
		},
		async read(fp) {
			return (await load(store, fp)).session;
		},
		async list() {
			await removeLeftoversIn(folder);
			const kept = matches(await namesIn(folder), FILE).map((fp) => load(store, fp));
			return (await Promise.all(kept)).map(({ facts }) => facts);
		},
		async erase(fp) {
			await store.entry(fp).erase();
		},
	};
}

async function load(store: SecretStore, fp: Fingerprint): Promise<Kept> {
	const bytes = await store.entry(fp).load();
	if (bytes === undefined) throw damaged(fp, "is missing");
	const kept = decodeState(bytes, FORMAT, nameOf(fp));
	if (kept.facts.fp !== fp) throw damaged(fp, "is of another login");
	return kept;
}

async function namesIn(folder: string): Promise<string[]> {
	try {
		return await readdir(folder);
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return [];
		throw diskError("cannot list", folder, error);
	}
}

function matches(names: readonly string[], pattern: RegExp): Fingerprint[] {
	const found = names.flatMap((name) => pattern.exec(name)?.[1] ?? []);
	return [...new Set(found)].sort();
}

function damaged(fp: Fingerprint, fault: string): BatonError {
	return new BatonError("bad-state", `${nameOf(fp)} ${fault}`, {
		hint: "nothing was touched; keep the state folder as it is",
	});
}

function nameOf(fp: Fingerprint): string {
	return `the escrow copy of login ${fp.slice(0, 12)}`;
}

const text = z.string();
const instant = z.optional(z.number());

const schema = z.object({
	fp: text,
	accessFp: text,
	host: text,
	store: text,
	account: z.optional(text),
	expiresAt: instant,
	deadline: instant,
	entry: z.unknown(),
});

const FORMAT: StateFormat<Kept> = {
	format: "baton-escrow",
	version: 1,
	print: ({ facts, session }) => ({ ...facts, entry: formatEntry(session) }),
	parse(data) {
		const { entry, account, expiresAt, deadline, ...stored } = schema.parse(data);
		const session = parseEntry(entry);
		if (!isArmed(session) || fingerprint(session.refreshToken) !== stored.fp) {
			throw new BatonError("bad-state", "not the login it is named for");
		}
		return { facts: { ...stored, account, expiresAt, deadline }, session };
	},
};
