import { expect, test } from "vitest";
import { proxyFor } from "./route.ts";

const through = (address: string, ...except: string[]) => {
	const proxy = { url: new URL("http://gate.test:3128"), credentials: undefined, except };
	return proxyFor(new URL(address), { proxy, trust: undefined }) !== undefined;
};

test.each<[address: string, except: string[], through: boolean]>([
	["https://api.example.test/", [], true],
	["https://api.example.test/", ["other.test"], true],
	["https://api.example.test/", ["*"], false],
	["https://api.example.test/", ["api.example.test"], false],
	["https://api.example.test/", ["API.Example.Test"], false],
	["https://api.example.test/", ["example.test"], false],
	["https://api.example.test/", [".example.test"], false],
	["https://api.example.test/", ["*.example.test"], false],
	["https://api.example.test/", ["ample.test"], true],
	["https://api.example.test/", ["api.example.test:443"], false],
	["https://api.example.test/", ["api.example.test:8443"], true],
	["https://api.example.test:8443/", ["api.example.test:8443"], false],
	["https://127.0.0.1:8443/", ["127.0.0.1"], false],
	["https://api.example.test/", ["", ".", "127.0.0.1"], true],
	// A proxy would read along.
	["http://127.0.0.1:8080/", [], false],
])("%s, except for %j: %j", (address, except, expected) => {
	expect(through(address, ...except)).toBe(expected);
});
