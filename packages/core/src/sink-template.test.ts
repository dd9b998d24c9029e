import { expect, test } from "vitest";
import { fillTemplate, parseTemplate } from "./sink-template.ts";

const VALUES = {
	accessToken: "CANARY-token",
	expiresAt: Date.UTC(2026, 10, 21, 12),
	name: "work",
	generation: 4,
};

const fill = (text: string, values: Partial<typeof VALUES> = {}) =>
	fillTemplate(parseTemplate(text), { ...VALUES, ...values });

test.each<[string, string]>([
	["token = {{accessToken}}\n", "token = CANARY-token\n"],
	["{{ accessToken }}{{accessToken}}", "CANARY-tokenCANARY-token"],
	["{{expiresAt}} {{expiresAtIso}}", "1795262400000 2026-11-21T12:00:00.000Z"],
	["{{name}}:{{generation}}", "work:4"],
	[
		'{"token":{{accessToken|json}},"until":{{expiresAt|json}},"at":{{ expiresAtIso | json }}}',
		'{"token":"CANARY-token","until":1795262400000,"at":"2026-11-21T12:00:00.000Z"}',
	],
	["", ""],
	["no place { {a} }} $x $1 %s", "no place { {a} }} $x $1 %s"],
	["\r\n\u00e4\u{1f600}", "\r\n\u00e4\u{1f600}"],
])("%j", (text, filled) => {
	expect(fill(text)).toBe(filled);
});

test("an end that is not known is nothing, or null", () => {
	const values = { ...VALUES, expiresAt: undefined };
	const text = "{{expiresAt}}|{{expiresAtIso}}|{{expiresAt|json}}|{{expiresAtIso|json}}";
	expect(fillTemplate(parseTemplate(text), values)).toBe("||null|null");
});

test("a value is never looked through for placeholders", () => {
	expect(fill("{{name}}", { name: "{{accessToken}}" })).toBe("{{accessToken}}");
	expect(fill("{{accessToken}}", { accessToken: "$&$1{{name}}" })).toBe("$&$1{{name}}");
});

test.each<[string, RegExp]>([
	["{{refreshToken}}", /placeholder that there is not: \{\{refreshToken\}\}/],
	["{{accesstoken}}", /that there is not/],
	["{{}}", /that there is not/],
	["{{accessToken|yaml}}", /that there is not/],
	["{{constructor}}", /that there is not/],
	["{{accessToken} }", /does not close/],
	["{{accessToken}}{{", /does not close/],
	["x".repeat(64 * 1024 + 1), /longer than/],
	["{{name}}".repeat(17), /more than 16/],
])("%# is refused", (text, why) => {
	expect(() => parseTemplate(text)).toThrow(why);
});

test.each(["a b", "a\nb", "", "\u00e4"])("a token %j is not written", (accessToken) => {
	expect(() => fill("{{name}}", { accessToken })).toThrow(/not plain/);
});

test("the longest it can come to is known beforehand", () => {
	const text = "x{{accessToken|json}}y{{accessToken}}";
	const filled = fill(text, { accessToken: '"'.repeat(8192) });
	expect(filled.length).toBeLessThanOrEqual(parseTemplate(text).longest);
});
