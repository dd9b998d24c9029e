import { expect, test } from "vitest";
import { claudeRefusal } from "./claude-refusal.ts";

const line = (reason: string, how = " (expected)") =>
	`2026-11-22T03:18:08.731Z [ERROR] OAuth refresh failed${how}: ${reason}`;
const answered = (status: number) => line(`Request failed with status code ${status}`);
const refused = (why: string) => ({ kind: "refused", why, retryAfterMs: undefined });

test.each<[string, string | undefined, object | undefined]>([
	["nothing", undefined, undefined],
	["other lines", "[DEBUG] OAuth: stored login plan\n[ERROR] status code 429", undefined],
	["429", answered(429), refused("rate-limited")],
	["403", answered(403), refused("forbidden")],
	["401", answered(401), refused("request")],
	["503", answered(503), refused("server")],
	["a gateway's timeout", answered(504), undefined],
	["a status that is none", line("Request failed with status code 4290"), undefined],
	["refused connection", line("connect ECONNREFUSED 127.0.0.1:9"), { kind: "not-sent" }],
	["no name", line("getaddrinfo EAI_AGAIN platform.claude.com"), { kind: "not-sent" }],
	["a broken connection", line("socket hang up"), undefined],
	["its own limit", line("timeout of 30000ms exceeded"), undefined],
	["a reset", line("read ECONNRESET"), undefined],
	["a timeout while connecting, which may be one of sending", line("connect ETIMEDOUT"), undefined],
	["the last of two refusals", `${answered(429)}\r\n${answered(403)}\n`, refused("forbidden")],
	["a refusal after a broken one", `${line("socket hang up")}\n${answered(429)}`, undefined],
	["a broken one after a refusal", `${answered(429)}\n${line("socket hang up")}`, undefined],
	[
		"worded without its class",
		line("Request failed with status code 429", ""),
		refused("rate-limited"),
	],
])("%s", (_what, log, outcome) => {
	expect(claudeRefusal(log)).toEqual(outcome);
});
