import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startEmbeddedSshd } from "./embedded-sshd.ts";
import type { Scratch } from "./scratch.ts";
import { makeSshKey, writeSshKey } from "./ssh-key.ts";
import type { SshServer } from "./ssh-server.ts";

const MAIN = fileURLToPath(new URL("./scripted-host-main.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

/** What a request of each type is answered, without id, fingerprint and lineage. */
export type Script = Record<string, object | "silence">;

/** A host over SSH that says what it is told to say. */
export interface ScriptedHost {
	readonly ssh: SshServer;
	/** The private key it lets in, as a file, and the public one, as a line. */
	readonly identity: string;
	readonly publicKey: string;
	/** What it runs, for another SSH server to run. */
	readonly command: readonly [string, ...string[]];
	/** From the next request on. */
	says(script: Script): void;
	/** What its shell prints before the first answer, in sessions from now on. */
	prints(noise: string): void;
	/** Types of all requests but `status`, in order. */
	asked(): string[];
}

export const CLAIMED = {
	type: "claimed",
	generation: 1,
	proof: "c".repeat(64),
};

/** Takes what it is offered and claims it at once. */
export const WILLING: Script = {
	status: { type: "status", state: "none" },
	offer: { type: "accept", nonce: "a".repeat(32), goodForMs: 600_000 },
	deliver: { type: "staged" },
	custody: CLAIMED,
	erased: { type: "noted" },
	withdraw: { type: "withdrawn" },
};

export async function startScriptedHost(scratch: Scratch): Promise<ScriptedHost> {
	const key = makeSshKey();
	const identity = scratch.at("device_key");
	writeSshKey(key, identity);
	const command = [process.execPath, "--import", TSX, MAIN, scratch.path] as const;
	const ssh = await startEmbeddedSshd({ authorizedKey: key.publicKey, command });
	const says = (script: Script) =>
		writeFileSync(scratch.at("answers.json"), JSON.stringify(script));
	says(WILLING);
	return {
		ssh,
		identity,
		publicKey: key.publicKey,
		command,
		says,
		prints: (noise) => writeFileSync(scratch.at("noise.txt"), noise),
		asked() {
			const log = scratch.at("asked.log");
			const lines = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
			return lines.flatMap((line) => line.split(" ")[0] ?? []).filter((type) => type !== "status");
		},
	};
}
