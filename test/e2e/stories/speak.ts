import { startChild } from "../../parts/child-process.ts";
import { makeScratch } from "../../parts/scratch.ts";
import { sshArgv } from "../../parts/ssh-client.ts";
import { type Device, deviceThrough } from "../batond-host.ts";
import type { Stage } from "./stage.ts";

/** OpenSSH's own client with the PC's key. It asks for a shell; the forced command answers. */
export async function speak({ sshd, key, keep }: Stage): Promise<Device> {
	const scratch = makeScratch();
	const child = await startChild({ argv: [...sshArgv(sshd, key, scratch)] as [string] });
	return deviceThrough(keep(child));
}
