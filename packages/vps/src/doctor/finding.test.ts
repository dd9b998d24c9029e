import { expect, test } from "vitest";
import { type Finding, worstFirst } from "./finding.ts";

test("what is wrong comes first, and else the order stays", () => {
	const of = (gravity: Finding["gravity"], says: string): Finding => ({
		about: "x",
		gravity,
		says,
	});
	const mixed = [
		of("well", "1"),
		of("unseen", "2"),
		of("wrong", "3"),
		of("doubtful", "4"),
		of("wrong", "5"),
	];
	expect(worstFirst(mixed).map(({ says }) => says)).toEqual(["3", "5", "4", "2", "1"]);
});
