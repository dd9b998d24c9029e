/** Sinks of every kind, given their tokens by one publisher. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { MINUTE, SECOND } from "@baton/core/duration";
import { fakeClock } from "@baton/io/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HeardNote } from "../../packages/vps/src/heard-note.ts";
import { Publisher } from "../../packages/vps/src/publisher.ts";
import { until } from "../e2e/stories/until.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { accessToken, openSink } from "./open-sink.ts";

let scratch: Scratch;
beforeEach(() => {
	scratch = makeScratch();
});
afterEach(() => scratch.remove());

const KINDS = ["claude-code", "env-file", "template", "exec"] as const;
type Kind = (typeof KINDS)[number];

function settingsOf(kind: Kind): Record<string, unknown> {
	const path = scratch.at(kind, "file");
	switch (kind) {
		case "claude-code":
			return { type: kind, configDir: scratch.at(kind) };
		case "env-file":
			return { type: kind, path };
		case "template":
			return { type: kind, path, template: "{{accessToken}}" };
		case "exec":
			return { type: kind, command: [scratch.at(kind, "program")] };
	}
}

const fileOf = (kind: Kind) =>
	scratch.at(kind, kind === "claude-code" ? ".credentials.json" : "file");
const has = (kind: Kind, token: string) =>
	existsSync(fileOf(kind)) && readFileSync(fileOf(kind), "utf8").includes(token);

/** Takes the way to the consumer, or gives it back. */
function block(kind: Kind): void {
	chmodSync(scratch.at(kind), kind === "exec" ? 0o700 : 0o770);
	if (kind === "exec") chmodSync(scratch.at(kind, "program"), 0o600);
}
function unblock(kind: Kind): void {
	chmodSync(scratch.at(kind), 0o700);
	if (kind === "exec") chmodSync(scratch.at(kind, "program"), 0o700);
}

test.each(KINDS)(
	"a %s that cannot be written holds up no other, and gets its token later",
	async (bad) => {
		const notes: HeardNote[] = [];
		for (const kind of KINDS) mkdirSync(scratch.at(kind), { mode: 0o700 });
		const program = `#!/bin/sh\ncat > ${fileOf("exec")}\n`;
		writeFileSync(scratch.at("exec", "program"), program, { mode: 0o700 });
		const memory = scratch.at("sinks.json");
		const sinks = await Promise.all(
			KINDS.map(async (kind) => ({
				...(await openSink({ settings: settingsOf(kind), memory })),
				name: kind,
			})),
		);
		const clock = fakeClock(undefined, 0);
		const publisher = new Publisher({
			name: "default",
			sinks,
			clock,
			lookEvery: MINUTE,
			onConfirmed: () => {},
			onNote: (note) => notes.push(note),
			onSettled: () => {},
		});
		block(bad);
		expect(await publisher.prove()).toEqual({ writable: 3, total: 4 });
		publisher.publish({ ...accessToken("sk-one"), lineageId: "a1".repeat(8) });
		await until("all are settled", () => !publisher.busy);
		expect(KINDS.filter((kind) => has(kind, "sk-one"))).toEqual(
			KINDS.filter((kind) => kind !== bad),
		);
		expect(notes).toMatchObject([{ what: "sink-failed", sink: bad }]);
		unblock(bad);
		expect(await publisher.prove()).toEqual({ writable: 4, total: 4 });
		publisher.tick();
		expect(publisher.busy).toBe(false);
		await clock.advance(SECOND);
		publisher.tick();
		await until("it has its token", () => has(bad, "sk-one") && !publisher.busy);
	},
);
