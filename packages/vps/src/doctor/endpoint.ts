/**
 * The provider as this machine reaches it, and the clock by what it answers.
 *
 * The look is a POST to the token endpoint with no grant and no token in it. That can spend nothing, since
 * it names nothing to be spent; and it passes every gate that a refresh has to pass, which often differ by
 * method and path. A sound endpoint refuses it as no request.
 */

import { lookup } from "node:dns/promises";
import { formatDuration, MINUTE, SECOND } from "@baton/core/duration";
import { buildPost, type Provider } from "@baton/core/oauth";
import type { Clock } from "@baton/io/clock";
import { type Route, STRAIGHT } from "../engines/route.ts";
import { sendRequest } from "../engines/send-request.ts";
import type { Finding } from "./finding.ts";

export interface EndpointFacts {
	readonly host: string;
	readonly outcome: "response" | "not-sent" | "no-reply";
	/** What the sender knows of a request that was not sent. */
	readonly why: string | undefined;
	readonly status: number | undefined;
	readonly retryAfter: string | undefined;
	/** Theirs minus ours, ms; undefined if they did not say. */
	readonly clockAheadMs: number | undefined;
	/** Whether its name leads to an address. */
	readonly resolves: boolean;
	/** Variables of this environment that name a proxy. */
	readonly proxies: readonly string[];
}

const LIMITS = { totalMs: 20 * SECOND, bodyBytes: 64 * 1024 };
const PROXIES = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

export async function lookAtEndpoint(
	provider: Provider,
	environment: NodeJS.ProcessEnv,
	clock: Clock,
	route: Route = STRAIGHT,
): Promise<EndpointFacts> {
	const { hostname, host } = new URL(provider.tokenUrl);
	const sentAt = clock.now();
	const sent = await sendRequest(buildPost(provider, provider.tokenUrl, {}), LIMITS, route);
	const gotAt = clock.now();
	const response = sent.kind === "response" ? sent.response : undefined;
	const theirs = Date.parse(response?.date ?? "");
	return {
		host,
		outcome: sent.kind,
		why: "why" in sent ? String(sent.why) : undefined,
		status: response?.status,
		retryAfter: response?.retryAfter,
		// It tells whole seconds, of some moment on the way.
		clockAheadMs: Number.isNaN(theirs) ? undefined : theirs + 500 - (sentAt + gotAt) / 2,
		resolves: sent.kind === "response" || (await resolves(hostname)),
		proxies: PROXIES.filter((name) => environment[name] !== undefined),
	};
}

async function resolves(hostname: string): Promise<boolean> {
	const name = hostname.replace(/^\[(.*)\]$/, "$1");
	return await lookup(name).then(
		() => true,
		() => false,
	);
}

export function judgeEndpoint(facts: EndpointFacts): Finding {
	const about = "endpoint";
	const { host, outcome, status, resolves: known, proxies } = facts;
	if (outcome === "not-sent") {
		return {
			about,
			gravity: "wrong",
			says: notSentWords(facts),
			hint: notSentHint(known, proxies),
		};
	}
	if (outcome === "no-reply") {
		const says = `${host} takes a connection and gives no answer`;
		return {
			about,
			gravity: "wrong",
			says,
			hint: "something on the way, a firewall perhaps, cuts it",
		};
	}
	return { about, ...judgeStatus(host, status ?? 0, facts.retryAfter) };
}

function judgeStatus(
	host: string,
	status: number,
	retryAfter: string | undefined,
): Omit<Finding, "about"> {
	if (status === 403) {
		return {
			gravity: "wrong",
			says: `${host} refuses this machine with 403, before it has looked at any login`,
			hint: "it refuses the addresses of some servers: another address, or a proxy, may do",
		};
	}
	if (status === 429) {
		const after = retryAfter === undefined ? "" : `, and says to wait ${retryAfter}`;
		return {
			gravity: "doubtful",
			says: `${host} asks to slow down, with 429${after}`,
			hint: "wait; if it stays so for a day, it is this machine's address that it refuses",
		};
	}
	if (status >= 500) {
		return {
			gravity: "wrong",
			says: `${host} is down: ${status}`,
			hint: "wait; it is tried again",
		};
	}
	if (status >= 400) return { gravity: "well", says: `${host} is in reach` };
	return {
		gravity: "doubtful",
		says: `${host} answers ${status} to what is no request`,
		hint: "this may not be the provider: look at provider.tokenUrl, and at what is in between",
	};
}

function notSentWords({ host, why, resolves: known }: EndpointFacts): string {
	if (why === "proxy") return `the proxy on the way to ${host} does not let us through`;
	if (why === "certificate") return `${host} shows a certificate that is not trusted here`;
	if (!known) return `the name ${host} leads to no address`;
	return `${host} cannot be reached: nobody listens there, or there is no route`;
}

function notSentHint(known: boolean, proxies: readonly string[]): string {
	const proxy =
		proxies.length === 0 ? "" : `; ${proxies.join(" and ")} names a proxy: is it the right one`;
	return `${known ? "look at this machine's network and firewall" : "look at this machine's DNS"}${proxy}`;
}

/** From here on an end is misjudged by more than a refresh is early. */
const CLOCK_WRONG = 10 * MINUTE;
const CLOCK_ODD = 30 * SECOND;

export function judgeClock({ clockAheadMs, host }: EndpointFacts): Finding {
	const about = "clock";
	if (clockAheadMs === undefined) {
		return { about, gravity: "unseen", says: `${host} did not say what time it is` };
	}
	const off = Math.abs(clockAheadMs);
	if (off < CLOCK_ODD) return { about, gravity: "well", says: `agrees with that of ${host}` };
	const way = clockAheadMs > 0 ? "behind" : "ahead of";
	return {
		about,
		gravity: off < CLOCK_WRONG ? "doubtful" : "wrong",
		says: `this machine's is ${formatDuration(off)} ${way} that of ${host}`,
		hint: "set it, and keep it set: timedatectl set-ntp true",
	};
}
