import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirm } from "./confirm.ts";

function terminal(isTTY: boolean) {
	const input = Object.assign(new PassThrough(), { isTTY });
	const errors = Object.assign(new PassThrough(), { isTTY });
	return { input, errors };
}

test.each<[typed: string, yes: boolean]>([
	["y\n", true],
	["Yes\n", true],
	["n\n", false],
	["\n", false],
	["yesterday\n", false],
])("%j is %s", async (typed, yes) => {
	const { input, errors } = terminal(true);
	input.end(typed);
	expect(await confirm("forget laptop", { input, errors, yes: false })).toBe(yes);
	expect(String(errors.read())).toContain("forget laptop? [y/N] ");
});

test("the end of the input is no", async () => {
	const { input, errors } = terminal(true);
	input.end();
	expect(await confirm("forget laptop", { input, errors, yes: false })).toBe(false);
});

test("without a terminal it is an error that names the flag, and with the flag nothing is asked", async () => {
	const { input, errors } = terminal(false);
	await expect(confirm("x", { input, errors, yes: false })).rejects.toMatchObject({
		code: "usage",
		hint: expect.stringContaining("--yes"),
	});
	expect(await confirm("x", { input, errors, yes: true })).toBe(true);
	expect(errors.read()).toBeNull();
});
