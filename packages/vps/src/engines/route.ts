/**
 * The way to the provider: straight, or through a proxy, and whose certificates are trusted on it.
 *
 * Plain HTTP goes to this very machine only, and always straight: a proxy would see the token.
 */

import type { SecureContext } from "node:tls";
import type { Secret } from "@baton/core/secret";

export interface ProxyServer {
	/** `http:` or `https:`, host and port alone. */
	readonly url: URL;
	/** `user:password`, for the proxy itself. */
	readonly credentials: Secret | undefined;
	/** Hosts that are gone to without it. */
	readonly except: readonly string[];
}

export interface Route {
	readonly proxy: ProxyServer | undefined;
	/** Undefined for what Node trusts by itself. */
	readonly trust: SecureContext | undefined;
}

export const STRAIGHT: Route = { proxy: undefined, trust: undefined };

export function proxyFor(url: URL, { proxy }: Route): ProxyServer | undefined {
	if (proxy === undefined || url.protocol !== "https:") return undefined;
	return proxy.except.some((pattern) => covers(pattern, url)) ? undefined : proxy;
}

/** As curl reads `NO_PROXY`: a name is good for all below it too, with or without a dot before it. */
function covers(pattern: string, url: URL): boolean {
	if (pattern === "*") return true;
	const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(pattern.toLowerCase()) ?? [];
	if (port !== undefined && port !== (url.port || "443")) return false;
	const wanted = name.replace(/^\*?\./, "");
	return wanted !== "" && (url.hostname === wanted || url.hostname.endsWith(`.${wanted}`));
}
