import { expect, test } from "vitest";
import { Secret } from "./secret.ts";

const VALUE = "sk-ant-ort01-CANARY";
const secret = new Secret(VALUE);
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

test.each<[form: string, shown: unknown]>([
	["as a string", String(secret)],
	["in a template", `${secret}`],
	["added to a string", "".concat(secret as unknown as string)],
	["as JSON", JSON.parse(JSON.stringify(secret))],
	["in a record as JSON", JSON.parse(JSON.stringify({ deep: [{ secret }] })).deep[0].secret],
	["to Node's inspect", (secret as unknown as Record<symbol, () => string>)[INSPECT]?.()],
	["in an error's message", new Error(String(secret)).message],
])("%s it says [secret]", (_form, shown) => {
	expect(shown).toBe("[secret]");
});

test("nothing that lists its properties finds the value", () => {
	expect(Object.keys(secret)).toEqual([]);
	expect(Object.getOwnPropertyNames(secret)).toEqual([]);
	expect({ ...secret }).toEqual({});
});

test("reveal gives the value, and two secrets are equal by it", () => {
	expect(secret.reveal()).toBe(VALUE);
	expect(secret.equals(new Secret(VALUE))).toBe(true);
	expect(secret.equals(new Secret(`${VALUE}x`))).toBe(false);
});
