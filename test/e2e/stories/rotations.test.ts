/** Tokens are replaced again and again under a program that uses them all the time. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { lineageOf } from "../../parts/token-ledger.ts";
import type { ConsumerCount } from "./consumer.ts";
import { published, settled, told } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { TWO_SINKS } from "./two-sinks.ts";
import { until } from "./until.ts";

/** Refusals in a row after which a consumer would have given up. */
const PATIENCE = 60;

async function consumed(stage: Stage) {
	const running = [await stage.serve(), await stage.watch()];
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	const consumer = stage.consume();
	await told(stage, "rotated", 3);
	await published(stage);
	await until("the consumer is served again", () => consumer.count().row === 0);
	const count = await consumer.stop();
	const lineage = lineageOf(login.refreshToken);
	expect(await stage.provider.rotations(lineage)).toBeGreaterThanOrEqual(4);
	expect(count.tokens).toBeGreaterThanOrEqual(3);
	expect(count.requests).toBeGreaterThan(100);
	const saved = JSON.parse(readFileSync(stage.vps.scratch.at("sinks", "token.json"), "utf8"));
	expect(saved).toEqual({
		name: "default",
		accessToken: expect.stringContaining("sk-ant-oat01-"),
		expiresAt: expect.any(Number),
		generation: expect.any(Number),
	});
	return { ending: { running, logins: [[login, "vps current"]] as const }, count };
}

function report(what: string, { requests, refused, longestRow, tokens }: ConsumerCount): void {
	console.log(
		`${what}: ${requests} requests with ${tokens} tokens, ${refused} refused, ` +
			`at most ${longestRow} in a row`,
	);
}

const LENIENT = { ...TWO_SINKS, killOldAccess: false };

story("three rotations, old tokens live on: not one request is refused", LENIENT, async (stage) => {
	const { ending, count } = await consumed(stage);
	report("old tokens live on", count);
	expect(count.refused).toBe(0);
	return ending;
});

story("three rotations, old tokens die: each refusal is soon over", TWO_SINKS, async (stage) => {
	const { ending, count } = await consumed(stage);
	report("old tokens die", count);
	expect(count.longestRow).toBeLessThan(PATIENCE);
	return ending;
});
