import { expect, test } from "vitest";
import { howToLogin } from "./new-login.ts";

const HOSTS = {
	own: { name: "default", mode: "dedicated", followLogin: "when-needed" },
	follows: { name: "default", mode: "follow-login", followLogin: "when-needed" },
} as const;

test.each<[string, string | undefined, string]>([
	["own", undefined, "baton login own"],
	["follows", undefined, "baton handover follows --next-login, then /login in claude"],
	["follows", "follows", "run /login in claude on this PC"],
	["gone", undefined, "name gone in the settings again first"],
])("for %s, with a permit for %s", (host, permitFor, words) => {
	expect(howToLogin(HOSTS, permitFor)(host)).toBe(words);
});
