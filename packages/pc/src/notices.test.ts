import type { Note } from "@baton/core/effect";
import { EMPTY_PC_RECORD, freshPcRun, type PcState } from "@baton/core/handover-state";
import { expect, test } from "vitest";
import { noticeOf } from "./notices.ts";

const FP = "f".repeat(64);

function state(mode: "dedicated" | "follow-login", store: string): PcState {
	const view = { fp: FP, lastFp: undefined, account: undefined, deadline: undefined };
	return {
		record: { ...EMPTY_PC_RECORD, stores: { [store]: view } },
		run: freshPcRun("run", []),
		rules: {
			hosts: { myvps: { name: "default", mode, followLogin: "when-needed" } },
			timing: { statusEvery: 1 },
		},
	};
}

function notice(what: string, reason: string, where: PcState) {
	const note: Note = { type: "note", level: "info", what, fp: FP, host: "myvps", reason };
	return noticeOf(note, where);
}

const COMMAND = "baton login myvps";

test("a declined login of a host's own folder stays there, and that is a warning", () => {
	expect(notice("declined", "healthy", state("dedicated", "login:myvps"))).toMatchObject({
		level: "warn",
		next: "it stays in its folder here; to replace it all the same: baton handover myvps --replace",
	});
	const { next } = notice("declined", "other-account", state("dedicated", "login:myvps"));
	expect(next).toContain(COMMAND);
});

test("one from another store than usual is asked for with that store", () => {
	expect(notice("declined", "healthy", state("dedicated", "normal")).next).toBe(
		"to replace it all the same: baton handover myvps --store normal --replace",
	);
});

test("a host that is busy is asked again without a word", () => {
	const { level, next } = notice("declined", "busy", state("dedicated", "login:myvps"));
	expect([level, next]).toEqual(["info", undefined]);
});

test("a login that nears its end says when and how to make the next", () => {
	expect(notice("deadline-near", "7 days", state("dedicated", "login:myvps"))).toMatchObject({
		text: "the host's login nears its end",
		next: `make the next login in its last week: ${COMMAND}`,
	});
});

test.each(["spent", "host-needs-login"])("%s says how to make a new login", (what) => {
	const { next } = notice(what, "deadline", state("dedicated", "login:myvps"));
	expect(next).toBe(`make a new login for myvps: ${COMMAND}`);
});
