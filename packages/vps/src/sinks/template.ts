/** A file of the person's own design, made anew for each access token. All of it is ours. */

import { fillTemplate, type SinkTemplate } from "@baton/core/sink-template";
import { type KeptFileOptions, keptFileSink } from "./kept-file.ts";
import type { AccessToken, Sink } from "./sink.ts";

export interface TemplateSinkOptions extends Omit<KeptFileOptions, "place" | "content"> {
	readonly template: SinkTemplate;
}

export function templateSink({ template, ...options }: TemplateSinkOptions): Sink {
	return keptFileSink({
		...options,
		place: options.path,
		content: {
			longest: template.longest,
			fill: (_before, token) => asBytes(fillTemplate(template, valuesOf(token))),
			empty: () => undefined,
			isTaken: (before) => before !== undefined && before !== "",
		},
	});
}

function valuesOf({ name, session, generation }: AccessToken) {
	const { accessToken, expiresAt } = session;
	return { accessToken: accessToken.reveal(), expiresAt, name, generation };
}

/** One character for each byte of UTF-8. */
function asBytes(text: string): string {
	return Buffer.from(text, "utf8").toString("latin1");
}
