import { expect, test } from "vitest";
import { BatonError, type BatonErrorCode, EXIT } from "./error.ts";

test("the documented exit codes", () => {
	expect(EXIT).toEqual({
		well: 0,
		fault: 1,
		usage: 2,
		refreshDue: 9,
		needsLogin: 10,
		declined: 11,
		hostUnreachable: 12,
		providerUnreachable: 13,
	});
});

test.each<[code: BatonErrorCode, exit: number]>([
	["internal", 1],
	["usage", 2],
	["bad-settings", 2],
	["bad-state", 1],
	["bad-credentials", 1],
	["bad-message", 1],
	["bad-response", 1],
	["unsafe-path", 1],
	["disk-failed", 1],
	["locked", 1],
	["already-running", 1],
	["timed-out", 1],
	["needs-login", 10],
	["declined", 11],
	["host-unreachable", 12],
	["host-key-changed", 12],
	["key-refused", 12],
	["service-unavailable", 12],
	["provider-unreachable", 13],
])("%s ends a command with %d", (code, exit) => {
	expect(new BatonError(code, "it").exitCode).toBe(exit);
});

test("carries its hint and its cause", () => {
	const cause = new Error("below");
	const error = new BatonError("locked", "the store is held", { hint: "wait", cause });
	expect(error).toMatchObject({ name: "BatonError", message: "the store is held", hint: "wait" });
	expect(error.cause).toBe(cause);
	expect("cause" in new BatonError("locked", "the store is held")).toBe(false);
});
