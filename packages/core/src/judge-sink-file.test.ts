import { expect, test } from "vitest";
import { readCredentials } from "./credentials-file.ts";
import { judgeSinkFile, type SinkFileVerdict } from "./judge-sink-file.ts";
import { fingerprint } from "./lineage.ts";
import { Secret } from "./secret.ts";

const ACCESS = "access";
const KNOWN = "known refresh";
const fpOf = (token: string) => fingerprint(new Secret(token));
const file = (entry: object) => JSON.stringify({ mcpOAuth: { kept: 1 }, claudeAiOauth: entry });

interface Row {
	what: string;
	text: string | undefined;
	written?: boolean;
	/** There is no access token yet. */
	none?: true;
	verdict: SinkFileVerdict["kind"];
}

test.each<Row>([
	{ what: "no file, never written", text: undefined, verdict: "write" },
	{ what: "no file, though we wrote one", text: undefined, written: true, verdict: "logged-out" },
	{ what: "a file without a login", text: '{"mcpOAuth":{}}', verdict: "write" },
	{ what: "our token", text: file({ accessToken: ACCESS, refreshToken: "" }), verdict: "same" },
	{ what: "our token, no refresh key", text: file({ accessToken: ACCESS }), verdict: "same" },
	{ what: "an older token of ours", text: file({ accessToken: "older" }), verdict: "write" },
	{
		what: "blanked by a logout",
		text: file({ accessToken: "", refreshToken: "", expiresAt: 0 }),
		verdict: "write",
	},
	{
		what: "a refresh token from our custody",
		text: file({ accessToken: ACCESS, refreshToken: KNOWN }),
		verdict: "disarm",
	},
	{
		what: "a refresh token nobody knows",
		text: file({ accessToken: "theirs", refreshToken: "theirs too" }),
		verdict: "foreign",
	},
	{
		what: "a refresh token nobody knows, over a file we wrote",
		text: file({ accessToken: "theirs", refreshToken: "theirs too" }),
		written: true,
		verdict: "foreign",
	},
	{
		what: "any token, while there is none",
		text: file({ accessToken: "" }),
		none: true,
		verdict: "write",
	},
	{
		what: "a refresh token nobody knows, while there is no token",
		text: file({ accessToken: "theirs", refreshToken: "theirs too" }),
		none: true,
		verdict: "foreign",
	},
	{ what: "half-written", text: '{"claudeAiOauth":{"accessTok', verdict: "unreadable" },
	{ what: "an entry of another shape", text: file({ accessToken: 7 }), verdict: "unreadable" },
])("$what: $verdict", ({ text, written = false, none, verdict }) => {
	const judged = judgeSinkFile({
		reading: readCredentials(text),
		exists: text !== undefined,
		written,
		accessFp: none ? undefined : fpOf(ACCESS),
		isKnown: (fp) => fp === fpOf(KNOWN),
	});
	expect(judged.kind).toBe(verdict);
});
