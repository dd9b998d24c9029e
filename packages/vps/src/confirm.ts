/** A question before what cannot be undone: on a terminal, or not at all. */

import { createInterface } from "node:readline/promises";
import { BatonError } from "@baton/core/error";

export interface Asking {
	readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
	/** Where the question goes; results have standard output to themselves. */
	readonly errors: NodeJS.WritableStream & { readonly isTTY?: boolean };
	/** What was given for `--yes`. */
	readonly yes: boolean;
}

/**
 * @param question a line without its question mark
 * @returns whether the answer is yes; anything else, and the end of the input, is no
 * @throws BatonError `usage` where there is no terminal to ask on
 */
export async function confirm(question: string, { input, errors, yes }: Asking): Promise<boolean> {
	if (yes) return true;
	if (input.isTTY !== true || errors.isTTY !== true) {
		throw new BatonError("usage", "this asks first, and there is no terminal to ask on", {
			hint: "to go ahead without being asked: --yes",
		});
	}
	const lines = createInterface({ input, output: errors });
	try {
		const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
		const answer = await Promise.race([lines.question(`${question}? [y/N] `), closed]);
		return /^y(es)?$/i.test(answer.trim());
	} finally {
		lines.close();
	}
}
