/** Which proxy stands before the provider: the settings' own, else the one that the environment names. */

import { stat } from "node:fs/promises";
import { BatonError } from "@baton/core/error";
import { Secret } from "@baton/core/secret";
import { readSmall } from "@baton/io/read-small";
import { atHome } from "./at-home.ts";
import type { ProxyServer } from "./engines/route.ts";
import { proxyUrl } from "./proxy-address.ts";
import type { ProviderSettings } from "./settings.ts";

const CREDENTIALS_MAX_BYTES = 4096;
/** Whatever the environment says. */
const NONE = "none";

/** @throws BatonError `bad-settings`, never showing a password; `unsafe-path`, `disk-failed` */
export async function findProxy(
	{ proxy, proxyCredentials }: Pick<ProviderSettings, "proxy" | "proxyCredentials">,
	environment: NodeJS.ProcessEnv,
): Promise<ProxyServer | undefined> {
	const credentials =
		proxyCredentials === undefined ? undefined : await readCredentials(atHome(proxyCredentials));
	const url = proxy === undefined || proxy === NONE ? undefined : proxyUrl(proxy);
	if (url !== undefined) return { url, credentials, except: [] };
	const named = environment.HTTPS_PROXY || environment.https_proxy;
	if (proxy !== NONE && named) {
		const except = wordsOf(environment.NO_PROXY || environment.no_proxy);
		return { ...proxyNamed(named, credentials), except };
	}
	if (credentials === undefined) return undefined;
	throw new BatonError("bad-settings", "provider.proxyCredentials is of no use without a proxy", {
		hint: "give provider.proxy beside it, or take it out",
	});
}

/** Whoever wrote a password into the environment has made that its place. */
function proxyNamed(text: string, credentials: Secret | undefined): Omit<ProxyServer, "except"> {
	const url = proxyUrl(text.trim());
	if (url === undefined) {
		throw new BatonError("bad-settings", "HTTPS_PROXY names no proxy that batond can use", {
			hint: 'give provider.proxy in batond.json, or "none" there to go without',
		});
	}
	const { username, password } = url;
	const written = username === "" ? undefined : new Secret(decoded(`${username}:${password}`));
	url.username = "";
	url.password = "";
	return { url, credentials: credentials ?? written };
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function wordsOf(text = ""): readonly string[] {
	return text.split(/[\s,]+/).filter((word) => word !== "");
}

async function readCredentials(path: string): Promise<Secret> {
	const bytes = await readSmall(path, { maxBytes: CREDENTIALS_MAX_BYTES });
	if (bytes === undefined) {
		throw new BatonError("bad-settings", `there is no file ${path}`, {
			hint: "make it, or correct provider.proxyCredentials in batond.json",
		});
	}
	if (((await stat(path)).mode & 0o077) !== 0) {
		throw new BatonError("bad-settings", `${path} can be read by other users`, {
			hint: `take that away: chmod 600 '${path}'`,
		});
	}
	const text = bytes.toString("utf8").replace(/\r?\n$/, "");
	if (/^[^:\s]+:[^\r\n]+$/.test(text)) return new Secret(text);
	throw new BatonError("bad-settings", `${path} does not hold a user and a password`, {
		hint: "it is one line: user:password",
	});
}
