/** `baton watch`: the background watcher, until it is told to stop. */

import { EXIT, type ExitCode } from "@baton/core/error";
import { VERSION } from "@baton/io/version";
import { ownState } from "../own-state.ts";
import { type CommandContext, ownStateOptions } from "./context.ts";

export async function watchCommand(context: CommandContext): Promise<ExitCode> {
	const { signal, terminal, json, places, settings } = context;
	const options = ownStateOptions(context, "info");
	await ownState(options, async () => {
		options.log.info("watching", {
			version: VERSION,
			pid: process.pid,
			device: settings.device,
			path: places.folder,
			count: Object.keys(settings.hosts).length,
		});
		await aborted(signal);
	});
	options.log.info("stopped");
	if (json) terminal.out(JSON.stringify({ ok: true, stopped: true }));
	return EXIT.well;
}

function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) return resolve();
		signal.addEventListener("abort", () => resolve(), { once: true });
	});
}
