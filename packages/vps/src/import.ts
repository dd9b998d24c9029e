/**
 * `batond import` and `batond adopt`: has the service take over a login that lies on this machine, and
 * follows it until it is claimed.
 */

import { formatDuration, SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import type { ControlRequest, ImportAnswer } from "./control-message.ts";
import { importWords, isSettled } from "./import-words.ts";
import { jsonLine, type Said } from "./said.ts";

export interface ImportOptions {
	readonly stateFolder: string;
	readonly request: Extract<ControlRequest, { type: "import" | "import-token" }>;
	readonly json: boolean;
	readonly clock: Clock;
	/** Ends the following, not the import. */
	readonly stop: AbortSignal;
}

/** A claim takes a second or two where the provider answers. */
const FOLLOW_FOR = 60 * SECOND;
const ASK_EVERY = SECOND / 4;

/** @throws BatonError `service-unavailable`; `usage` for what the service refuses */
export async function importLogin(options: ImportOptions): Promise<Said> {
	const { request, json, clock } = options;
	const began = clock.monotonic();
	const first = await ask(options, request).catch((error: unknown) => {
		throw hintAtTmp(error, request);
	});
	const last = isSettled(first) ? first : await followed(options, first.fp);
	const source = request.type === "import" ? request.path : undefined;
	const { ok, line, next, code } = importWords(last, { name: request.name, source });
	const { v: _version, type: _type, ...facts } = last;
	const took = ok ? ` (${formatDuration(clock.monotonic() - began)})` : "";
	const hint = next === undefined ? "" : `next: ${next}\n`;
	const said = `${line}${took}\n`;
	return {
		stdout: json ? jsonLine({ ok, name: request.name, path: source, ...facts }) : ok ? said : "",
		stderr: `${ok ? "" : said}${hint}`,
		code,
	};
}

/** A file that this command has read and the service cannot find. */
function hintAtTmp(error: unknown, request: ImportOptions["request"]): unknown {
	const isTemporary = request.type === "import" && /^(\/var)?\/tmp\//.test(request.path);
	if (!isTemporary || !(error instanceof BatonError) || error.code !== "usage") return error;
	return new BatonError("usage", error.message, {
		hint: "the service may have a /tmp of its own: move the file to your home folder first",
	});
}

async function followed(options: ImportOptions, fp: string): Promise<ImportAnswer> {
	const { clock, stop, request } = options;
	const deadline = clock.monotonic() + FOLLOW_FOR;
	for (;;) {
		const about = { v: 1, type: "custody", name: request.name, fp } as const;
		const answer = await ask(options, about);
		if (isSettled(answer) || clock.monotonic() >= deadline || stop.aborted) return answer;
		await clock.sleep(ASK_EVERY, stop).catch(() => undefined);
	}
}

async function ask(
	{ stateFolder, clock }: ImportOptions,
	request: ControlRequest,
): Promise<ImportAnswer> {
	return (await askService(stateFolder, request, clock)) as ImportAnswer;
}
