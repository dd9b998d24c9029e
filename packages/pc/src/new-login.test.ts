import { expect, test } from "vitest";
import { howToLogin, loginCommand } from "./new-login.ts";

const HOSTS = {
	own: { name: "default", mode: "dedicated", followLogin: "when-needed" },
	follows: { name: "default", mode: "follow-login", followLogin: "when-needed" },
} as const;

test.each<[string, string | undefined, string]>([
	["own", undefined, "CLAUDE_CONFIG_DIR=/s/logins/own claude auth login"],
	["follows", undefined, "baton handover follows --next-login, then /login in claude"],
	["follows", "follows", "run /login in claude on this PC"],
	["gone", undefined, "name gone in the settings again first"],
])("for %s, with a permit for %s", (host, permitFor, words) => {
	expect(howToLogin(HOSTS, (one) => `/s/logins/${one}`, permitFor)(host)).toBe(words);
});

test("the command can be pasted as it is", () => {
	expect(loginCommand("/home/me too/it's", "linux")).toBe(
		"CLAUDE_CONFIG_DIR='/home/me too/it'\\''s' claude auth login",
	);
	expect(loginCommand("C:\\Data\\myvps", "win32")).toBe(
		'cmd /c "set CLAUDE_CONFIG_DIR=C:\\Data\\myvps&& claude auth login"',
	);
});
