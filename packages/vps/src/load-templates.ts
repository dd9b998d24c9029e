/** Reads the template files that the settings name, so that a fault in one shows at the start. */

import { BatonError } from "@baton/core/error";
import { parseTemplate, TEMPLATE_MAX } from "@baton/core/sink-template";
import { readSmall } from "@baton/io/read-small";
import { atHome } from "./at-home.ts";
import type { NameSettings, Settings, SinkSettings } from "./settings.ts";

/** Of one character, in UTF-8. */
const BYTES_MAX = 4;

/**
 * The settings with each `templateFile` read into its `template`.
 *
 * @throws BatonError `bad-settings`; `unsafe-path`, `disk-failed`
 */
export async function loadTemplates(settings: Settings): Promise<Settings> {
	const names: Record<string, NameSettings> = {};
	for (const [name, { sinks }] of Object.entries(settings.names)) {
		const loaded: Record<string, SinkSettings> = {};
		for (const [sink, about] of Object.entries(sinks)) loaded[sink] = await loadTemplate(about);
		names[name] = { sinks: loaded };
	}
	return { ...settings, names };
}

async function loadTemplate(about: SinkSettings): Promise<SinkSettings> {
	if (about.type !== "template" || about.templateFile === undefined) return about;
	const path = atHome(about.templateFile);
	const bytes = await readSmall(path, { maxBytes: TEMPLATE_MAX * BYTES_MAX });
	if (bytes === undefined) {
		throw new BatonError("bad-settings", `there is no template file ${path}`, {
			hint: "make it, or correct templateFile in batond.json",
		});
	}
	return { ...about, template: checked(path, bytes) };
}

function checked(path: string, bytes: Uint8Array): string {
	try {
		const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
		parseTemplate(text);
		return text;
	} catch (error) {
		if (!(error instanceof BatonError)) throw notText(path);
		throw new BatonError("bad-settings", `${path}: ${error.message}`, {
			...(error.hint === undefined ? {} : { hint: error.hint }),
		});
	}
}

function notText(path: string): BatonError {
	return new BatonError("bad-settings", `${path} is not UTF-8`, { hint: "save it as UTF-8" });
}
