import { expect, test } from "vitest";
import { claudeEnvironment } from "./login-environment.ts";

test("what would lead claude elsewhere is left out, what it reaches the provider by is kept", () => {
	const kept = {
		PATH: "/bin",
		HOME: "/home/me",
		HTTPS_PROXY: "http://proxy",
		NO_PROXY: "localhost",
		NODE_EXTRA_CA_CERTS: "/ca.pem",
		DISABLE_AUTOUPDATER: "1",
		CLAUDE_CODE_OAUTH_REFRESH_TOKEN: "r",
		CLAUDE_CODE_OAUTH_SCOPES: "user:inference",
		CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
		CLAUDE_CODE_CLIENT_CERT: "/cert.pem",
	};
	const left = {
		ANTHROPIC_API_KEY: "k",
		ANTHROPIC_AUTH_TOKEN: "t",
		ANTHROPIC_BASE_URL: "http://elsewhere",
		CLAUDE_CODE_OAUTH_TOKEN: "t",
		CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR: "3",
		CLAUDE_CODE_USE_VERTEX: "1",
		CLAUDE_CODE_ENTRYPOINT: "cli",
		CLAUDECODE: "1",
		CLAUDE_CONFIG_DIR: "/another",
		CLAUDE_SECURESTORAGE_CONFIG_DIR: "/another",
		anthropic_api_key: "as Windows may have it",
	};
	const made = claudeEnvironment({ ...kept, ...left, UNSET: undefined }, "/logins/myvps");
	expect(made).toEqual({ ...kept, CLAUDE_CONFIG_DIR: "/logins/myvps" });
});
