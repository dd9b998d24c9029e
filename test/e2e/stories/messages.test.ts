/** What the key of a paired device may bring about, whoever uses it, over the real SSH. */
import { expect } from "vitest";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import { offerOf } from "../batond-host.ts";
import { outcomes, settled, told, whats } from "./milestones.ts";
import { speak } from "./speak.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const NONCE = "0123456789abcdef".repeat(2);

function deliveryOf(login: ClaudeAiOauth, nonce: unknown = NONCE) {
	return { type: "deliver", fp: fingerprintOf(login.refreshToken), nonce, session: { ...login } };
}

async function held(stage: Stage) {
	const running = [await stage.serve(), await stage.watch()];
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	return { running, login, fp: fingerprintOf(login.refreshToken) };
}

story("all that may come late is answered with the receipt", {}, async (stage) => {
	const { running, login, fp } = await held(stage);
	const device = await speak(stage);
	const receipt = { type: "claimed", fp, generation: 1 };
	expect(await device.ask(offerOf(login))).toMatchObject(receipt);
	expect(await device.ask(deliveryOf(login))).toMatchObject(receipt);
	expect(await device.ask({ type: "custody", fp })).toMatchObject(receipt);
	expect(await device.ask({ type: "withdraw", fp })).toMatchObject(receipt);
	for (const _ of [1, 2]) expect(await device.ask({ type: "erased", fp })).toMatchObject({ fp });
	expect(await device.ask(deliveryOf(login))).toMatchObject(receipt);
	expect(whats(stage)).toEqual(["staged", "claimed"]);
	expect(await outcomes(stage)).toEqual(["rotated"]);
	return { running, logins: [[login, "vps current"]] };
});

story("messages twice and in the wrong order lose nothing", {}, async (stage) => {
	const running = [await stage.serve()];
	const login = await stage.pc.claude.login();
	const fp = fingerprintOf(login.refreshToken);
	const [device, second] = [await speak(stage), await speak(stage)];
	const offer = offerOf(login);

	expect(await device.ask(deliveryOf(login))).toMatchObject({ type: "unknown", fp });
	const old = await device.ask(offer);
	const promise = await second.ask(offer);
	expect([old.type, promise.type]).toEqual(["accept", "accept"]);
	expect(await device.ask(deliveryOf(login, old.nonce))).toMatchObject({ type: "unknown", fp });
	expect(await device.ask({ type: "withdraw", fp })).toMatchObject({ type: "withdrawn", fp });
	const late = await second.ask(deliveryOf(login, promise.nonce));
	expect(late).toMatchObject({ type: "withdrawn", fp });
	await told(stage, "withdrawn");
	expect([whats(stage), await outcomes(stage)]).toEqual([["withdrawn"], []]);

	const { nonce } = await device.ask(offer);
	const deliver = deliveryOf(login, nonce);
	const both = await Promise.all([device.ask(deliver), second.ask(deliver)]);
	for (const { type } of both) expect(["staged", "in-doubt", "claimed"]).toContain(type);
	const custody = () => device.ask({ type: "custody", fp });
	await until("it is claimed", custody, ({ type }) => type === "claimed");
	expect(await second.ask(deliver)).toMatchObject({ type: "claimed", fp });
	expect(await second.ask({ type: "withdraw", fp })).toMatchObject({ type: "claimed", fp });
	await told(stage, "claimed");
	expect(whats(stage)).toEqual(["withdrawn", "staged", "claimed"]);
	expect(await outcomes(stage)).toEqual(["rotated"]);
	// The one who spoke here did not disarm claude's file: that copy is of a token spent by now.
	return { running, logins: [[login, "vps current"]] };
});

const TOKEN = "sk-ant-ort01-CANARY-in-a-line-that-is-none";

const BAD_LINES: readonly (readonly [string, string, RegExp])[] = [
	[
		"cut short",
		`{"v":1,"id":"x","type":"deliver","session":{"refreshToken":"${TOKEN}`,
		/cut short/,
	],
	["no JSON", `{"refreshToken":${TOKEN}}\n`, /not valid JSON/],
	["a list", `["${TOKEN}"]\n`, /protocol version/],
	["of another version", `{"v":2,"id":"x","type":"status","t":"${TOKEN}"}\n`, /protocol version 2/],
	["of an unknown type", `{"v":1,"id":"x","type":"${TOKEN}"}\n`, /type/],
	["with a wrong field", `{"v":1,"id":"x","type":"custody","fp":"${TOKEN}"}\n`, /fp is wrong/],
	["with a session that is none", `${badDelivery()}\n`, /session is wrong/],
	["huge", `{"v":1,"id":"x","pad":"${TOKEN}${"x".repeat(3_000_000)}"}\n`, /too long/],
	["endless", "x".repeat(300_000), /too long/],
];

function badDelivery(): string {
	const fp = "0".repeat(64);
	return JSON.stringify({ v: 1, id: "x", type: "deliver", fp, nonce: NONCE, session: TOKEN });
}

story("lines that are no requests get a short answer and an end", {}, async (stage) => {
	const { running, login } = await held(stage);
	await Promise.all(BAD_LINES.map((bad) => expectRefused(stage, bad)));
	const { stdout } = await stage.batond("status", "--json");
	expect(JSON.parse(stdout)).toMatchObject({ names: [{ state: "held", generation: 1 }] });
	expect(await (await speak(stage)).ask({ type: "status" })).toMatchObject({ state: "held" });
	expect(whats(stage)).toEqual(["staged", "claimed"]);
	return { running, logins: [[login, "vps current"]] };
});

async function expectRefused(stage: Stage, [_what, text, why]: (typeof BAD_LINES)[number]) {
	const { child } = await speak(stage);
	child.write(text);
	if (!text.endsWith("\n")) child.endInput();
	const line = await child.line(/"type":"refused"/);
	const { reason } = JSON.parse(line) as { reason: string };
	expect(reason).toMatch(why);
	expect(line.length).toBeLessThan(400);
	await child.ended();
	expect(child.stdout().trim().split("\n")).toHaveLength(1);
}
