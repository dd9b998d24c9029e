/** The tables of reasons, and the words of the programs that `docs` quote, against the code. */
import type { Phase } from "@baton/core/custody-state";
import type { HandoverStep } from "@baton/core/handover-state";
import type { DeclineReason, LossReason, NotTakenReason } from "@baton/core/protocol";
import { expect, test } from "vitest";
import { stepWords } from "../../packages/pc/src/words.ts";
import { explain } from "../../packages/vps/src/explain-state.ts";
import { Page } from "./markdown.ts";

const DECLINES = {
	healthy: true,
	retired: true,
	"other-account": true,
	busy: true,
	expired: true,
	blank: true,
} satisfies Record<DeclineReason, true>;

const NOT_TAKEN = {
	"other-account": true,
	dead: true,
	expired: true,
	replaced: true,
} satisfies Record<NotTakenReason, true>;

const LOSSES = {
	"revoked-or-reused": true,
	deadline: true,
	"lost-in-flight": true,
	"logged-out": true,
	"rolled-back": true,
	"none-yet": true,
} satisfies Record<LossReason, true>;

const handover = new Page("docs/handover.md");
const custody = new Page("docs/custody.md");

test.each([
	["decline", handover.table("decline"), DECLINES],
	["not taken", handover.table("reason | why"), NOT_TAKEN],
	["loss", custody.table("reason | said as"), LOSSES],
])("every reason to %s has its row, and no other", (_what, rows, reasons) => {
	const named = rows.map(([cell = ""]) => cell.replaceAll("`", ""));
	expect(named.toSorted()).toEqual(Object.keys(reasons).toSorted());
});

const NOW = Date.UTC(2026, 10, 21);

function unquoted(cell = ""): string {
	return /^"([^"]+)"/.exec(cell)?.[1] ?? cell;
}

test("baton says of each step what the page quotes", () => {
	for (const [cell = "", , shown] of handover.table("step | where the login is")) {
		expect(unquoted(shown)).toBe(stepWords(cell.replaceAll("`", "") as HandoverStep));
	}
});

test("batond says of each loss what the page quotes", () => {
	for (const [cell = "", said] of custody.table("reason | said as")) {
		const need = cell.replaceAll("`", "") as LossReason;
		expect(unquoted(said)).toBe(explain({ state: "needs-login", need }, NOW).state);
	}
});

test("batond says of each phase what the page quotes", () => {
	const rows = [
		...custody.table("phase | means"),
		...custody.table("phase | is its access token served"),
	];
	for (const [cell = "", , , said] of rows) {
		const state = cell.replaceAll("`", "") as Phase["name"];
		const shown = explain({ state }, NOW).state.replace(/^serves what it has; /, "");
		expect(unquoted(said)).toBe(shown);
	}
});
