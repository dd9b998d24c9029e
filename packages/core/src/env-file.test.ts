import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clearVariable, readVariable, setVariable } from "./env-file.ts";

const NAME = "CLAUDE_CODE_OAUTH_TOKEN";
const set = (text: string | undefined, value = "new") => setVariable(text, NAME, value);
const BOM = "\u00ef\u00bb\u00bf";

describe("setVariable", () => {
	test.each<[string, string | undefined, string]>([
		["no file", undefined, `${NAME}=new\n`],
		["an empty file", "", `${NAME}=new\n`],
		["one other variable", "A=1\n", `A=1\n${NAME}=new\n`],
		["no last line break", "A=1", `A=1\n${NAME}=new\n`],
		["its own line without a last line break", `A=1\n${NAME}=old`, `A=1\n${NAME}=new`],
		["carriage returns", `A=1\r\n${NAME}=old\r\nB=2\r\n`, `A=1\r\n${NAME}=new\r\nB=2\r\n`],
		["carriage returns, to be added to", "A=1\r\nB=2", `A=1\r\nB=2\r\n${NAME}=new\r\n`],
		["export", `export ${NAME}=old\n`, `export ${NAME}=new\n`],
		["room around the sign", `  ${NAME} = old\n`, `  ${NAME} =new\n`],
		["quotes", `${NAME}="old"\n`, `${NAME}=new\n`],
		["an empty value", `${NAME}=\n`, `${NAME}=new\n`],
		["several lines of it", `${NAME}=a\nB=2\n${NAME}=b\n`, `${NAME}=new\nB=2\n${NAME}=new\n`],
		["a comment with its name", `#${NAME}=old\n`, `#${NAME}=old\n${NAME}=new\n`],
		[
			"a longer name",
			`MY_${NAME}=old\n${NAME}_2=x\n`,
			`MY_${NAME}=old\n${NAME}_2=x\n${NAME}=new\n`,
		],
		["its name in a value", `A=${NAME}=old\n`, `A=${NAME}=old\n${NAME}=new\n`],
		["a byte order mark", `${BOM}${NAME}=old\n`, `${BOM}${NAME}=new\n`],
		[
			"its name within another one's quotes",
			`A="one\n${NAME}=old\n"\nB=2\n`,
			`A="one\n${NAME}=old\n"\nB=2\n${NAME}=new\n`,
		],
		["a quote that never closes", `A='one\n${NAME}=old\n`, `A='one\n${NAME}=new\n`],
		[
			"a quote in a comment",
			`# it's = 'so\n${NAME}=old\n# isn't\n`,
			`# it's = 'so\n${NAME}=new\n# isn't\n`,
		],
		["bytes of another encoding", `A=\u00e4\u00ff\n${NAME}=old\n`, `A=\u00e4\u00ff\n${NAME}=new\n`],
		["a line feed on its own after it", `${NAME}=old\n\n\n`, `${NAME}=new\n\n\n`],
	])("%s", (_what, before, after) => {
		expect(set(before)).toBe(after);
		expect(readVariable(after, NAME).at(-1)).toBe("new");
		expect(set(after)).toBe(after);
	});

	test.each<[string, string, RegExp]>([
		["a value over several lines", `${NAME}="old\nmore"\n`, /several lines/],
		["a value that goes on", `${NAME}=old\\\nmore\n`, /several lines/],
		["a line before that goes on", `A=one\\\n${NAME}=old\n`, /line before/],
		["zero bytes", `A\0=\0`, /no text/],
	])("%s is left alone", (_what, text, why) => {
		expect(() => set(text)).toThrow(why);
		expect(() => readVariable(text, NAME)).toThrow(why);
	});

	test.each(["a b", "a'b", 'a"b', "a\nB=1", "a$b", "a`b", "a\\b", "a#b", "", "\u00e4"])(
		"a token %j is not written, and not repeated",
		(value) => {
			expect(() => set("", value)).toThrow(/need quotes/);
		},
	);

	test("other lines are byte for byte what they were, and it is set once and for all", () => {
		const line = fc.oneof(
			fc.constantFrom(
				"",
				"# a",
				"A=1",
				"export B='x y'",
				`#${NAME}=1`,
				`${NAME}=1`,
				"\t",
				"=",
				"C",
			),
			fc.string({ unit: fc.constantFrom(..."aA_=#'\" \t\u00e4") }),
		);
		const text = fc
			.array(fc.tuple(line, fc.constantFrom("\n", "\r\n")), { maxLength: 8 })
			.chain((lines) => fc.constantFrom("", "A=last").map((last) => lines.flat().join("") + last));
		const others = (of: string) =>
			(of.match(/[^\n]*\n|[^\n]+$/g) ?? [])
				.map((one) => one.replace(/\r?\n$/, ""))
				.filter((one) => !new RegExp(`^\\s*(export\\s+)?${NAME}\\s*=`).test(one));
		void fc.assert(
			fc.property(text, (before) => {
				let after: string;
				try {
					after = set(before);
				} catch {
					return;
				}
				expect(others(after)).toEqual(others(before));
				expect(readVariable(after, NAME).every((value) => value === "new")).toBe(true);
				expect(set(after)).toBe(after);
			}),
		);
	});
});

test.each<[string, string | undefined, string[]]>([
	["no file", undefined, []],
	["no line of it", "A=1\n", []],
	["one", `${NAME}=a\n`, ["a"]],
	["two", `${NAME}=a\nexport ${NAME}="b"\r\n`, ["a", "b"]],
	["nothing in quotes", `${NAME}=''\n`, [""]],
	["nothing", `${NAME}=  \n`, [""]],
])("readVariable: %s", (_what, text, values) => {
	expect(readVariable(text, NAME)).toEqual(values);
});

test.each([
	["A=1\nT=CANARY\nB=2\n", "A=1\nT=\nB=2\n"],
	["export T='CANARY'\r\nT=CANARY", "export T=\r\nT="],
	["# T=CANARY\nTT=x\n", "# T=CANARY\nTT=x\n"],
	["", ""],
])("cleared, and nothing else is touched: %j", (text, left) => {
	expect(clearVariable(text, "T")).toBe(left);
});

test("what goes over several lines is not cleared in part", () => {
	expect(() => clearVariable('T="a\nb"\n', "T")).toThrow(/several lines/);
});
