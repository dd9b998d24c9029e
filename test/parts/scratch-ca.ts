/** A certificate authority made for one test, and a certificate by it. Needs the program `openssl`. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Scratch } from "./scratch.ts";

export interface ScratchCa {
	/** For `NODE_EXTRA_CA_CERTS`. */
	readonly caFile: string;
	/** Of the server that bears all the names, PEM. */
	readonly key: string;
	readonly cert: string;
}

const OPENSSL = "/usr/bin/openssl";

/** Why there can be no such authority here; undefined if there can. */
export function opensslMissing(): string | undefined {
	return existsSync(OPENSSL) ? undefined : `${OPENSSL} is not there`;
}

/**
 * @param names host names the certificate is good for
 * @param days it is good for; less than none for one that has ended
 */
export function makeScratchCa(scratch: Scratch, names: readonly string[], days = 2): ScratchCa {
	const at = (name: string) => scratch.at(name);
	const openssl = (...args: string[]) => execFileSync(OPENSSL, args, { stdio: "pipe" });
	const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
	openssl(
		"req",
		"-x509",
		...key,
		"-days",
		"2",
		"-subj",
		"/CN=scratch CA",
		"-keyout",
		at("ca.key"),
		"-out",
		at("ca.pem"),
	);
	openssl(
		"req",
		...key,
		"-subj",
		"/CN=scratch server",
		"-keyout",
		at("server.key"),
		"-out",
		at("server.csr"),
	);
	const alternatives = names.map((name) => `DNS:${name}`).join(",");
	writeFileSync(at("server.ext"), `subjectAltName=${alternatives}\n`);
	openssl(
		"x509",
		"-req",
		"-days",
		String(days),
		"-in",
		at("server.csr"),
		"-CA",
		at("ca.pem"),
		"-CAkey",
		at("ca.key"),
		"-CAcreateserial",
		"-extfile",
		at("server.ext"),
		"-out",
		at("server.pem"),
	);
	const read = (name: string) => readFileSync(at(name), "utf8");
	return { caFile: at("ca.pem"), key: read("server.key"), cert: read("server.pem") };
}
