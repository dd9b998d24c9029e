/** `batond key`: where the key to the state lies, and `--seal`, which makes a systemd credential of it. */

import { BatonError, EXIT } from "@baton/core/error";
import { writeAtomic } from "@baton/io/atomic-file";
import { readKey } from "@baton/io/key-source";
import { readSmall } from "@baton/io/read-small";
import { FIRST_WITH_USER_CREDENTIALS, sealKey } from "./key-credential.ts";
import { jsonLine, type Said } from "./said.ts";
import type { Places } from "./surroundings.ts";
import type { UserManager } from "./user-manager.ts";

export interface KeyOptions {
	readonly places: Places;
	readonly environment: NodeJS.ProcessEnv;
	readonly seal: boolean;
	readonly json: boolean;
	readonly manager: Pick<UserManager, "version">;
}

const MAX_BYTES = 64 * 1024;

/** @throws BatonError `bad-state`, `declined`, `command-failed`, `disk-failed`, `unsafe-path` */
export async function keyCommand(options: KeyOptions): Promise<Said> {
	const { places, seal, json } = options;
	if (seal) await sealed(options);
	const file = (await readKey(places.key)) === undefined ? undefined : places.key;
	const sealedFile = await readSmall(places.sealedKey, { maxBytes: MAX_BYTES });
	const credential = sealedFile === undefined ? undefined : places.sealedKey;
	const lines = [
		`key file: ${file ?? "none"}`,
		`sealed as a systemd credential: ${credential ?? "no"}`,
	];
	const stdout = json ? jsonLine({ ok: true, file, credential }) : `${lines.join("\n")}\n`;
	return { stdout, stderr: seal ? AFTER_SEALING : "", code: EXIT.well };
}

const AFTER_SEALING = [
	"next: batond unit --start, which has systemd give it to the service",
	"      then see that batond status speaks of a credential, and only then",
	"      remove the key file; without it the state opens on this machine alone",
	"",
].join("\n");

async function sealed({ places, environment, manager }: KeyOptions): Promise<void> {
	const version = (await manager.version()) ?? 0;
	if (version < FIRST_WITH_USER_CREDENTIALS) {
		const here = version === 0 ? "there is no systemd here" : `this is systemd ${version}`;
		throw new BatonError("declined", `${here}, which gives a user's services no credentials`, {
			hint: `systemd ${FIRST_WITH_USER_CREDENTIALS} and newer do; until then the key file serves`,
		});
	}
	const key = await readKey(places.key);
	if (key === undefined) {
		throw new BatonError("declined", `there is no key file ${places.key} to seal`, {
			hint: "the service makes one when it is first started",
		});
	}
	await writeAtomic(places.sealedKey, await sealKey(key, environment), { mode: 0o600 });
}
