/** What may lie where claude's credentials file is looked for, good and bad, each made of one login. */
import { execFileSync } from "node:child_process";
import { createReadStream, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";

export interface OddFile {
	readonly name: string;
	/** `login`: it is one, and nothing is wrong with it; `blank`: none is there. */
	readonly is: "login" | "blank" | "unreadable";
	/** What a person is told of an unreadable one. */
	readonly why?: RegExp;
	/** @returns what to undo besides removing it */
	make(file: string, login: object): (() => void) | undefined;
}

/** What stands beside a login and in it, of claude's later versions and of other programs. */
export const SIBLINGS = {
	mcpOAuth: { server: { token: "CANARY-mcp", list: [1, null, { a: "ü" }] } },
	laterFile: [true, "\u2028", 1.5],
};
export const INNER = { keyOfLaterVersions: { kept: [{ deep: null }] }, subscriptionType: "max" };

const BOM = "\ufeff";

function file(login: object, more: object = {}): string {
	return JSON.stringify({ ...SIBLINGS, claudeAiOauth: { ...login, ...INNER, ...more } });
}

type Content = (login: object) => string | Uint8Array;

function odd(name: string, is: OddFile["is"], content: Content, why?: RegExp): OddFile {
	const make = (path: string, login: object) => void writeFileSync(path, content(login), OWNED);
	return { name, is, make, ...(why === undefined ? {} : { why }) };
}

const OWNED = { mode: 0o600 };

function good(name: string, content: Content): OddFile {
	return odd(name, "login", content);
}

function bad(name: string, why: RegExp, content: Content): OddFile {
	return odd(name, "unreadable", content, why);
}

/** A field of the login with a value that claude never writes. */
function wrong(field: string, value: unknown, what = JSON.stringify(value)): OddFile {
	const why = new RegExp(`not a login that claude wrote: ${field}(\\.0)? is wrong`);
	return bad(`${field}: ${what}`, why, (login) => file(login, { [field]: value }));
}

function nested(depth: number): unknown {
	return JSON.parse("[".repeat(depth) + "]".repeat(depth));
}

/** Not through JSON.stringify, which would go too deep itself. */
function deep(login: object): string {
	const hole = file(login).slice(0, -1);
	return `${hole},"deep":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
}

const GOOD: readonly OddFile[] = [
	good("unknown keys in it and beside it", (login) => file(login)),
	good("a byte order mark", (login) => BOM + file(login)),
	good("CRLF and indents", (login) => {
		return JSON.stringify(JSON.parse(file(login)), null, 2).replaceAll("\n", "\r\n");
	}),
	good("no scopes", (login) => file(login, { scopes: undefined })),
	good("a key twice, the last one counting", (login) =>
		file(login).replace("{", '{"claudeAiOauth":{"accessToken":"a","refreshToken":"b"},'),
	),
	good("900 kB of other programs' keys", (login) =>
		JSON.stringify({ ...JSON.parse(file(login)), big: "x".repeat(900_000) }),
	),
	good("other keys nested ninety deep", (login) => file(login, { deep: nested(90) })),
];

const BLANK: readonly OddFile[] = [
	odd("blanked by claude", "blank", (login) =>
		file(login, { accessToken: "", refreshToken: "", expiresAt: 0 }),
	),
	odd("other programs' keys alone", "blank", () => JSON.stringify(SIBLINGS)),
];

const NOT_JSON = /not valid JSON, perhaps half-written/;
const NOT_UTF8 = /not UTF-8/;
const NOT_PLAIN = /is not a plain file/;
const LINK = /is a symbolic link, which is not followed/;

const SPOILT: readonly OddFile[] = [
	bad("empty", /empty, perhaps half-written/, () => ""),
	bad("white space", /empty, perhaps half-written/, () => " \r\n"),
	bad("half-written", NOT_JSON, (login) => file(login).slice(0, -60)),
	bad("two files in one", NOT_JSON, (login) => file(login) + file(login)),
	bad("nul bytes", NOT_JSON, () => Buffer.alloc(600)),
	bad("nul bytes at its end", NOT_JSON, (login) => `${file(login)}\0\0\0`),
	bad("another program's text", NOT_JSON, () => "CANARY = 1\n"),
	bad("an array", /not a JSON object/, (login) => `[${file(login)}]`),
	bad("Latin-1", NOT_UTF8, (login) => Buffer.from(file(login), "latin1")),
	bad("UTF-16", NOT_UTF8, (login) => Buffer.from(BOM + file(login), "utf16le")),
	bad("10 MB", /larger than 1048576 bytes/, (login) => file(login, { big: "x".repeat(1e7) })),
	bad("keys nested 200 000 deep", /nested too deep/, deep),
	bad("a login of 60 kB", /larger than one can be handed over/, (login) =>
		file(login, { big: "x".repeat(60_000) }),
	),
];

const WRONG_FIELDS: readonly OddFile[] = [
	wrong("accessToken", undefined, "missing"),
	wrong("accessToken", 5),
	wrong("accessToken", "CANARY\n", "with a line break"),
	wrong("accessToken", "CANARY\0", "with a nul"),
	wrong("accessToken", "CANARYü", "with a letter of no header"),
	wrong("accessToken", "CANARY".repeat(17_000), "of 100 kB"),
	wrong("refreshToken", { CANARY: 1 }),
	wrong("refreshToken", "CANARY\r", "with a carriage return"),
	wrong("refreshToken", "CANARY".repeat(17_000), "of 100 kB"),
	wrong("expiresAt", "1795304963628"),
	wrong("expiresAt", -1),
	wrong("expiresAt", 1e300),
	bad("expiresAt: 1e400", /expiresAt is wrong/, (login) =>
		file(login, { expiresAt: "HUGE" }).replace('"HUGE"', "1e400"),
	),
	wrong("refreshTokenExpiresAt", "never"),
	wrong("refreshTokenExpiresAt", 1e17),
	wrong("scopes", "user:inference"),
	wrong("scopes", [7]),
	wrong("accountUuid", 7),
];

function linked(to: string, path: string): undefined {
	symlinkSync(to, path);
}

/** Not files, or not at that place. */
const MISPLACED: readonly OddFile[] = [
	{ name: "a folder", is: "unreadable", why: NOT_PLAIN, make: (path) => void mkdirSync(path) },
	{
		name: "a folder with a login in it",
		is: "unreadable",
		why: NOT_PLAIN,
		make(path, login) {
			mkdirSync(path);
			writeFileSync(join(path, ".credentials.json"), file(login), OWNED);
		},
	},
	{
		name: "a link to a login",
		is: "unreadable",
		why: LINK,
		make(path, login) {
			const real = join(dirname(path), "real.json");
			writeFileSync(real, file(login), OWNED);
			symlinkSync(real, path);
			return () => rmSync(real);
		},
	},
	{
		name: "a link to nothing",
		is: "unreadable",
		why: LINK,
		make: (path) => linked("nothing", path),
	},
	{
		name: "a link to itself",
		is: "unreadable",
		why: LINK,
		make: (path) => linked(path, path),
	},
	{
		name: "a pipe",
		is: "unreadable",
		why: NOT_PLAIN,
		make: (path) => void execFileSync("/usr/bin/mkfifo", [path]),
	},
	{
		name: "a pipe that somebody writes into",
		is: "unreadable",
		why: NOT_PLAIN,
		make(path) {
			execFileSync("/usr/bin/mkfifo", [path]);
			// Opened for both, so that it waits for nobody.
			const stream = createReadStream(path, { flags: "r+" });
			stream.on("error", () => undefined);
			return () => stream.destroy();
		},
	},
	{
		name: "a socket",
		is: "unreadable",
		why: NOT_PLAIN,
		make(path) {
			const server: Server = createServer().listen(path);
			return () => server.close();
		},
	},
];

export const ODD_FILES: readonly OddFile[] = [
	...GOOD,
	...BLANK,
	...SPOILT,
	...WRONG_FIELDS,
	...MISPLACED,
];
