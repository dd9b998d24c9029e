import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HOUR, MINUTE, SECOND } from "@baton/core/duration";
import { systemClock } from "@baton/io/clock";
import { afterAll, expect, test } from "vitest";
import { type EndpointFacts, judgeClock, judgeEndpoint, lookAtEndpoint } from "./endpoint.ts";

const FACTS: EndpointFacts = {
	host: "provider.example",
	outcome: "response",
	why: undefined,
	status: 400,
	retryAfter: undefined,
	clockAheadMs: 0,
	resolves: true,
	proxies: [],
};

test.each<[Partial<EndpointFacts>, gravity: string, says: RegExp]>([
	[{ status: 400 }, "well", /is in reach/],
	[{ status: 401 }, "well", /is in reach/],
	[{ status: 405 }, "well", /is in reach/],
	[{ status: 403 }, "wrong", /refuses this machine with 403/],
	[{ status: 429 }, "doubtful", /asks to slow down, with 429$/],
	[{ status: 429, retryAfter: "120" }, "doubtful", /says to wait 120/],
	[{ status: 503 }, "wrong", /is down: 503/],
	[{ status: 200 }, "doubtful", /answers 200 to what is no request/],
	[{ status: 302 }, "doubtful", /answers 302/],
	[{ outcome: "no-reply" }, "wrong", /gives no answer/],
	[{ outcome: "not-sent" }, "wrong", /nobody listens there, or there is no route/],
	[{ outcome: "not-sent", resolves: false }, "wrong", /leads to no address/],
	[{ outcome: "not-sent", why: "proxy" }, "wrong", /proxy on the way .* does not let us through/],
	[{ outcome: "not-sent", why: "certificate" }, "wrong", /certificate that is not trusted/],
])("%j: %s", (facts, gravity, says) => {
	const finding = judgeEndpoint({ ...FACTS, ...facts });
	expect(finding).toMatchObject({ about: "endpoint", gravity, says: expect.stringMatching(says) });
	expect(finding.hint === undefined).toBe(gravity === "well");
});

test("a proxy that the environment names is a part of the hint", () => {
	const facts = { ...FACTS, outcome: "not-sent" as const, proxies: ["HTTPS_PROXY"] };
	expect(judgeEndpoint(facts).hint).toContain("HTTPS_PROXY names a proxy");
});

test.each<[ahead: number | undefined, gravity: string, says: RegExp]>([
	[0, "well", /agrees/],
	[29 * SECOND, "well", /agrees/],
	[-29 * SECOND, "well", /agrees/],
	[2 * MINUTE, "doubtful", /2 min behind that of provider.example/],
	[-2 * MINUTE, "doubtful", /2 min ahead of/],
	[3 * HOUR, "wrong", /3 h .*behind/],
	[undefined, "unseen", /did not say/],
])("the clock %s ms off: %s", (clockAheadMs, gravity, says) => {
	expect(judgeClock({ ...FACTS, clockAheadMs })).toMatchObject({
		gravity,
		says: expect.stringMatching(says),
	});
});

const seen: string[] = [];
const server = createServer((request, response) => {
	let body = "";
	request.on("data", (chunk) => (body += chunk));
	request.on("end", () => {
		seen.push(`${request.method} ${request.headers.authorization ?? "no token"} ${body}`);
		response.writeHead(400, { date: new Date(Date.now() + HOUR).toUTCString() }).end("{}");
	});
});
afterAll(() => void server.close());

test("the look names no grant and no token, and tells reach and clock", async () => {
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const provider = {
		tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
		profileUrl: "",
		clientId: "c",
		body: "json" as const,
		userAgent: "baton/0",
	};
	const facts = await lookAtEndpoint(provider, { HTTPS_PROXY: "http://p" }, systemClock);
	expect(facts).toMatchObject({ outcome: "response", status: 400, proxies: ["HTTPS_PROXY"] });
	expect(Math.abs((facts.clockAheadMs ?? 0) - HOUR)).toBeLessThan(MINUTE);
	expect(seen).toEqual(["POST no token {}"]);
	await lookAtEndpoint({ ...provider, body: "form" }, {}, systemClock);
	expect(seen[1]).toBe("POST no token ");
	server.close();
	server.closeAllConnections();
	const gone = await lookAtEndpoint(provider, {}, systemClock);
	expect(gone).toMatchObject({ outcome: "not-sent", resolves: true, clockAheadMs: undefined });
	const unknown = { ...provider, tokenUrl: "http://nowhere.invalid/token" };
	expect(await lookAtEndpoint(unknown, {}, systemClock)).toMatchObject({ resolves: false });
});
