import { EXIT } from "@baton/core/error";
import { systemClock } from "@baton/io/clock";
import { createLog } from "@baton/io/log";
import { makePrivateFolder } from "@baton/io/private-folder";
import { claimSingleInstance } from "@baton/io/single-instance";
import type { CliSurroundings } from "./cli.ts";
import { credentialFile } from "./key-credential.ts";
import { loadSettings } from "./load-settings.ts";
import type { Said } from "./said.ts";
import { runService } from "./service.ts";
import type { Places } from "./surroundings.ts";
import { systemdOf } from "./systemd.ts";

/** `batond serve`: until it is told to stop. @throws BatonError as `runService` does; `already-running` */
export async function serveCommand(
	places: Places,
	{ environment, errors, stop, onHangup }: CliSurroundings,
): Promise<Said> {
	const clock = systemClock;
	const settings = await loadSettings(places.settings);
	await makePrivateFolder(places.state);
	const claim = await claimSingleInstance(places.state);
	try {
		await runService({
			settings,
			stateFolder: places.state,
			reread: () => loadSettings(places.settings),
			onReload: onHangup,
			keyPlaces: { credential: credentialFile(environment), file: places.key },
			environment,
			clock,
			log: createLog({ stream: errors, env: environment }),
			systemd: systemdOf(environment, clock),
			stillAlone: () => claim.look(),
			stop,
		});
	} finally {
		await claim.release();
	}
	return { stdout: "", stderr: "", code: EXIT.well };
}
