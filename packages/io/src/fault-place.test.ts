import { expect, test } from "vitest";
import { faultPlace } from "./fault-place.ts";

const TOKEN = "sk-ant-ort01-CANARY-of-a-fault";

test.each<[string, unknown]>([
	["an error that quotes a token", new Error(`bad token ${TOKEN}`)],
	["one whose message goes on over lines", new Error(`bad\n    then ${TOKEN}`)],
	["one that bears it as a property", Object.assign(new Error("bad"), { token: TOKEN })],
	["one whose cause quotes it", new Error("bad", { cause: new Error(TOKEN) })],
	["one named after it", Object.assign(new Error("bad"), { name: TOKEN })],
	["a token that is thrown itself", TOKEN],
	["an object", { token: TOKEN }],
])("%s is told without it", (_what, fault) => {
	expect(faultPlace(fault)).not.toContain("CANARY");
});

test("kind and place of an error are told", () => {
	expect(faultPlace(new TypeError("x"))).toMatch(/^TypeError at .*fault-place\.test\.ts:\d+/);
});
