/** Runs the protocol's examples, good and bad, through the parser that both sides use. */
import { readFileSync } from "node:fs";
import { BatonError } from "@baton/core/error";
import {
	type Answer,
	formatLine,
	LINE_MAX_BYTES,
	parseAnswer,
	parseRequest,
	type Request,
} from "@baton/core/protocol";
import { describe, expect, test } from "vitest";

interface Vectors {
	/** Lines that are understood: the type they have, and some fields as they are read. */
	good: { name: string; line: string; type: string; fields?: object }[];
	/** Lines that are refused, with the whole message. It never echoes the line. */
	bad: { name: string; line: string; error: string }[];
}

const SIDES: [file: string, parse: (line: string) => Request | Answer][] = [
	["requests.json", parseRequest],
	["answers.json", parseAnswer],
];

describe.each(SIDES)("%s", (file, parse) => {
	const vectors: Vectors = JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));

	test.each(vectors.good)("good: $name", ({ line, type, fields = {} }) => {
		const message = parse(line);
		expect(message).toMatchObject({ ...fields, type });
		expect(message).not.toHaveProperty("later");
		expect(message).not.toHaveProperty("polluted");
		expect(parse(formatLine(message))).toEqual(message);
	});

	test.each(vectors.bad)("bad: $name", ({ line, error }) => {
		const refused = refusal(() => parse(line));
		expect(refused.message).toBe(error);
		expect(refused.code).toBe("bad-message");
		expect(`${refused.message} ${refused.hint} ${refused.cause}`).not.toMatch(/canary/i);
	});

	test("every name stands once", () => {
		const names = [...vectors.good, ...vectors.bad].map(({ name }) => name);
		expect(new Set(names).size).toBe(names.length);
	});
});

describe("length", () => {
	const status = { v: 1, id: "r-1", type: "status" };

	test.each<[what: string, padding: string]>([
		["in ASCII", "x".repeat(LINE_MAX_BYTES)],
		["in letters of two bytes", "é".repeat(LINE_MAX_BYTES / 2)],
		["of 10 MB", "x".repeat(10_000_000)],
	])("a line too long %s is refused unread", (_what, padding) => {
		const line = JSON.stringify({ ...status, padding });
		for (const parse of [parseRequest, parseAnswer]) {
			expect(refusal(() => parse(line)).message).toMatch(/^\w+ is longer than 65536 bytes$/);
		}
	});

	test("a line of just that length with its newline is read", () => {
		const room = LINE_MAX_BYTES - JSON.stringify({ ...status, padding: "" }).length - 1;
		const line = JSON.stringify({ ...status, padding: "x".repeat(room) });
		expect(parseRequest(`${line}\n`).type).toBe("status");
	});

	test("no side writes one that the other would refuse", () => {
		const session = { accessToken: "a", padding: "é".repeat(LINE_MAX_BYTES / 2) };
		const request: Request = {
			v: 1,
			id: "r-1",
			name: "default",
			holds: [],
			witness: [],
			type: "deliver",
			fp: "a1".repeat(32),
			nonce: "0c".repeat(16),
			session,
		};
		expect(refusal(() => formatLine(request)).message).toBe("deliver is longer than 65536 bytes");
	});
});

function refusal(act: () => unknown): BatonError {
	try {
		act();
	} catch (error) {
		if (error instanceof BatonError) return error;
		throw error;
	}
	throw new Error("it was taken");
}
