import { readFileSync } from "node:fs";
import { HOUR, SECOND } from "@baton/core/duration";
import { expect, test } from "vitest";
import type { NameStatus } from "./control-message.ts";
import { METRICS } from "./metric-names.ts";
import { Metrics } from "./metrics.ts";
import { type Figure, figuresIn } from "./metrics-command.ts";
import { serveMetrics } from "./metrics-server.ts";

const NOW = Date.UTC(2026, 10, 21);

const HELD: NameStatus = {
	name: "default",
	state: "held",
	lineageId: "a1".repeat(8),
	generation: 7,
	device: "CANARY-device",
	rotatedAt: NOW - HOUR,
	accessUntil: NOW + 7 * HOUR,
	deadline: NOW + 300 * HOUR,
	serves: { until: NOW + 7 * HOUR },
	failures: 0,
	sinks: [
		{ name: "claude", state: "current", generation: 7, trouble: undefined },
		{ name: "env", state: "failing", generation: 6, trouble: "CANARY full disk" },
	],
};

function valuesIn(text: string): Map<string, number> {
	const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
	return new Map(
		lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(/\S+$/.exec(line)?.[0])]),
	);
}

test("shows how each name and sink stands, in seconds, and nothing that could be a secret", async () => {
	const text = await new Metrics(["default"]).text([HELD], NOW);
	const values = valuesIn(text);
	expect(values.get('batond_custody_state{name="default",state="held"}')).toBe(1);
	expect(values.get('batond_custody_state{name="default",state="needs-login"}')).toBe(0);
	expect(values.get('batond_access_token_expiry_timestamp_seconds{name="default"}')).toBe(
		(NOW + 7 * HOUR) / SECOND,
	);
	expect(values.get('batond_login_generation{name="default"}')).toBe(7);
	expect(values.get('batond_sink_lag_seconds{name="default",sink="claude"}')).toBe(0);
	expect(values.get('batond_sink_lag_seconds{name="default",sink="env"}')).toBe(3600);
	expect(values.get('batond_sink_state{name="default",sink="env",state="failing"}')).toBe(1);
	expect(values.get('batond_needs_login{name="default"}')).toBe(0);
	expect(text).not.toContain("CANARY");
	expect(text).not.toContain("a1a1");
});

test("what is over is not shown any more", async () => {
	const metrics = new Metrics(["default"]);
	await metrics.text([HELD], NOW);
	const lost: NameStatus = {
		name: "default",
		state: "needs-login",
		need: "deadline",
		failures: 0,
		sinks: [],
	};
	const values = valuesIn(await metrics.text([lost], NOW));
	expect(values.get('batond_needs_login{name="default"}')).toBe(1);
	expect(values.get('batond_serves_token{name="default"}')).toBe(0);
	const names = [...values.keys()].join("\n");
	expect(names).not.toMatch(/expiry|deadline|sink_/);
});

test("counts what goes well and what fails, by reasons of a fixed set", async () => {
	const metrics = new Metrics(["default"]);
	const hear = (what: string, reason?: string) =>
		metrics.heard("default", { type: "note", level: "info", what, ...(reason ? { reason } : {}) });
	for (const what of ["claimed", "rotated", "rotated", "staged", "suspect"]) hear(what);
	for (const reason of ["rate-limited", "rate-limited", "a text of somebody's"])
		hear("refresh-refused", reason);
	hear("in-doubt");
	hear("needs-login", "revoked-or-reused");
	hear("needs-login", "deadline");
	const values = valuesIn(await metrics.text([], NOW));
	expect(values.get('batond_rotations_total{name="default"}')).toBe(3);
	const failures = [...values].filter(
		([name, value]) => name.includes("refresh_failures") && value > 0,
	);
	expect(failures).toEqual([
		['batond_refresh_failures_total{name="default",reason="rate-limited"}', 2],
		['batond_refresh_failures_total{name="default",reason="no reply"}', 1],
		['batond_refresh_failures_total{name="default",reason="dead"}', 1],
		['batond_refresh_failures_total{name="default",reason="other"}', 1],
	]);
});

test("is served to this machine, at one address", async () => {
	const server = await serveMetrics(0, () => new Metrics([]).text([], NOW));
	const at = (path: string, method = "GET") =>
		fetch(`http://127.0.0.1:${server.port}${path}`, { method });
	try {
		const answer = await at("/metrics");
		expect(answer.status).toBe(200);
		expect(answer.headers.get("content-type")).toContain("version=0.0.4");
		expect(await answer.text()).toContain("batond_build_info{");
		expect((await at("/")).status).toBe(404);
		expect((await at("/metrics", "POST")).status).toBe(404);
		await expect(serveMetrics(server.port, async () => "")).rejects.toMatchObject({
			code: "disk-failed",
		});
	} finally {
		await server.close();
	}
});

test("as JSON it is the same figures, each by its name and labels", async () => {
	const text = await new Metrics(["default"]).text([HELD], NOW);
	const figures = figuresIn(text);
	const flat = ([name, all]: [string, Figure[]]) =>
		all.map(({ labels, value }) => {
			const given = Object.entries(labels).map(([label, word]) => `${label}="${word}"`);
			return [given.length === 0 ? name : `${name}{${given.join(",")}}`, value] as const;
		});
	expect(new Map(Object.entries(figures).flatMap(flat))).toEqual(valuesIn(text));
	expect(figures.batond_login_generation).toEqual([{ labels: { name: "default" }, value: 7 }]);
});

test("the alert rules that come with it ask for figures that there are, and every alert says what to do", () => {
	const rules = readFileSync(new URL("../../../docs/alerts.yml", import.meta.url), "utf8");
	const known: string[] = Object.values(METRICS).map(({ name }) => name);
	const expressions = [...rules.matchAll(/^ +expr: (.*)$/gm)].map(([, text = ""]) => text);
	const asked = expressions.flatMap((text) => text.match(/batond_\w+/g) ?? []);
	expect(asked.filter((name) => !known.includes(name))).toEqual([]);
	const alerts = [...rules.matchAll(/- alert: (\w+)/g)];
	expect(alerts).toHaveLength(expressions.length);
	expect([...rules.matchAll(/^ +summary: /gm)]).toHaveLength(alerts.length);
});
