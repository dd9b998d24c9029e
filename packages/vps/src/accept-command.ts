import { systemClock } from "@baton/io/clock";
import { accept } from "./accept.ts";
import type { CliSurroundings } from "./cli.ts";
import type { Said } from "./said.ts";
import type { Places } from "./surroundings.ts";
import { startUnit } from "./systemd.ts";

/** `batond accept`: nothing but the protocol goes to standard output. */
export async function acceptCommand(
	device: string,
	places: Places,
	{ environment, input, output }: CliSurroundings,
): Promise<Said> {
	const code = await accept({
		device,
		stateFolder: places.state,
		input,
		output,
		clock: systemClock,
		// A unit serves the usual state folder only; for another one it would be the wrong service.
		startService: () => (places.isUsual ? startUnit(environment) : Promise.resolve()),
	});
	return { stdout: "", stderr: "", code };
}
