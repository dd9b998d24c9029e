/** A setup token from standard input: as an argument it would be seen by everybody on the machine. */

import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";

const MAX_CHARACTERS = 8192;
/** A person has to paste it first. */
const PATIENCE = 5 * 60 * SECOND;
/** As `claude setup-token` prints it (2.1.330). */
const SETUP_TOKEN = /^sk-ant-oat\d\d-[\w-]{16,}$/;

/** @throws BatonError `usage` for what is no setup token, never showing it; `timed-out` */
export async function readToken(input: NodeJS.ReadStream, clock: Clock): Promise<string> {
	const over = new AbortController();
	const late = clock.sleep(PATIENCE, over.signal).then(
		() => undefined,
		() => undefined,
	);
	const text = await Promise.race([readLine(input), late]);
	over.abort();
	input.destroy();
	if (text === undefined) {
		throw new BatonError("timed-out", "no setup token came on standard input", {
			hint: "claude setup-token prints one; give it on standard input",
		});
	}
	const token = text.trim();
	if (SETUP_TOKEN.test(token)) return token;
	throw new BatonError("usage", "what came on standard input is no setup token", {
		hint: "it is one line that begins with sk-ant-oat; claude setup-token prints it",
	});
}

/** The first line that is not blank, or all there is. */
async function readLine(input: NodeJS.ReadStream): Promise<string> {
	let text = "";
	input.setEncoding("utf8");
	for await (const piece of input.iterator({ destroyOnReturn: false })) {
		text += String(piece);
		if (/\S\s*\n/.test(text) || text.length > MAX_CHARACTERS) break;
	}
	return text.slice(0, MAX_CHARACTERS + 1);
}
