import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprint } from "@baton/core/lineage";
import { Secret } from "@baton/core/secret";
import { setupTokenSession } from "@baton/core/session";
import { fakeClock } from "@baton/io/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keptFileSink } from "./kept-file.ts";
import type { AccessToken } from "./sink.ts";

let folder: string;
let path: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-kept-"));
	path = join(folder, "file");
});
afterEach(() => rmSync(folder, { recursive: true }));

function token(text: string): AccessToken {
	const session = { ...setupTokenSession(new Secret(text), undefined), refreshToken: undefined };
	return { name: "default", session, accessFp: fingerprint(session.accessToken), generation: 1 };
}

/** @param left what stays of the file; called as it is being cleared */
function sinkThatLeaves(left: (before: string) => string | undefined) {
	return keptFileSink({
		name: "s",
		path,
		mode: 0o600,
		overwrite: false,
		place: path,
		content: {
			fill: (_before, { session }) => session.accessToken.reveal(),
			isTaken: () => false,
			empty: left,
			longest: 100,
		},
		clock: fakeClock(),
		memory: { hasWritten: () => true, noteWritten: async () => {}, forget: async () => {} },
	});
}

test.each([
	["rewritten", "rest"],
	["removed", undefined],
])("what somebody saves while the file is %s is not lost", async (_how, left) => {
	let edit = () => appendFileSync(path, "theirs");
	const sink = sinkThatLeaves(() => {
		edit();
		return left;
	});
	await sink.write(token("CANARY"));
	await expect(sink.clear?.()).rejects.toThrow(/changed by somebody else/);
	expect(readFileSync(path, "utf8")).toBe("CANARYtheirs");
	expect(readdirSync(folder)).toEqual(["file"]);
	edit = () => {};
	expect(await sink.clear?.()).toBe("cleared");
	expect(readdirSync(folder)).toEqual(left === undefined ? [] : ["file"]);
});
