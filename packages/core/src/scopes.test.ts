import { expect, test } from "vitest";
import { scopesAfter, scopesOf } from "./scopes.ts";

test.each<[what: string, words: string[], scopes: string[]]>([
	["what claude has", ["user:inference", "user:profile"], ["user:inference", "user:profile"]],
	["one twice", ["a", "b", "a"], ["a", "b"]],
	["two in one", ["a b"], []],
	["quotes, controls and letters beyond ASCII", ['a"', "a\\", "a\n", "ä", ""], []],
	["a token in the wrong field", ["sk-ant-ort01-CANARY", "user:inference"], ["user:inference"]],
	["one longer than the record holds", ["x".repeat(129), "x".repeat(128)], ["x".repeat(128)]],
])("of %s", (_what, words, scopes) => {
	expect(scopesOf(words)).toEqual(scopes);
});

test("no more are kept than the record holds", () => {
	expect(scopesOf(Array.from({ length: 100 }, (_, n) => `s${n}`))).toHaveLength(64);
});

const HAD = ["user:inference", "user:profile"];

test.each<[what: string, told: string[] | undefined, after: string[]]>([
	["none", undefined, HAD],
	["the same", HAD, HAD],
	["the same, in another order", [...HAD].reverse(), [...HAD].reverse()],
	["more", [...HAD, "user:sessions"], [...HAD, "user:sessions"]],
	["fewer", ["user:inference"], HAD],
	["all but the one that counts", ["user:profile"], HAD],
	["others", ["org:admin"], HAD],
])("after an answer with %s", (_what, told, after) => {
	expect(scopesAfter(HAD, told)).toEqual(after);
});

test("where none were known, what is told is", () => {
	expect(scopesAfter([], ["user:inference"])).toEqual(["user:inference"]);
});
