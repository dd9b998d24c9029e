/** Whose certificates are trusted: those Node trusts by itself, and those a person adds. */

import { X509Certificate } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { BatonError } from "@baton/core/error";
import { readSmall } from "@baton/io/read-small";
import { atHome } from "./at-home.ts";

/** A system's whole store is smaller, bytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * @param named a file of certificates in PEM
 * @throws BatonError `bad-settings` for a file that is missing, others may write, or holds none;
 * `unsafe-path`, `disk-failed`
 */
export async function loadTrust(
	named: string,
	environment: NodeJS.ProcessEnv,
): Promise<SecureContext> {
	const own = await readCertificates(atHome(named));
	// Node leaves these out as soon as any are given.
	const extra = environment.NODE_EXTRA_CA_CERTS;
	const added = extra ? await readCertificates(extra) : [];
	return createSecureContext({ ca: [...rootCertificates, ...added, ...own] });
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

async function readCertificates(path: string): Promise<readonly string[]> {
	// Where systems keep them they are links.
	const real = await realpath(path).catch(() => path);
	const bytes = await readSmall(real, { maxBytes: MAX_BYTES });
	if (bytes === undefined) {
		throw new BatonError("bad-settings", `there is no file ${path}`, {
			hint: "it is to hold certificates in PEM; correct provider.ca in batond.json",
		});
	}
	if (((await stat(real)).mode & 0o022) !== 0) {
		throw new BatonError("bad-settings", `${path} can be written by other users`, {
			hint: `take that away: chmod go-w '${path}'`,
		});
	}
	const found = bytes.toString("latin1").match(CERTIFICATE) ?? [];
	if (found.length > 0 && found.every(isCertificate)) return found;
	throw new BatonError("bad-settings", `${path} does not hold certificates in PEM`, {
		hint: "each begins with -----BEGIN CERTIFICATE-----",
	});
}

function isCertificate(pem: string): boolean {
	try {
		return new X509Certificate(pem).subject !== undefined;
	} catch {
		return false;
	}
}
