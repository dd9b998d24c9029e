/** What is said when it broke off: why, and the last words of each command, without any token. */
import { CANARY_PATTERN } from "../../test/parts/canary.ts";
import type { Commands } from "./commands.ts";

/** Last lines of each command. */
const TAIL = 6;
const LONGEST = 200;

export function failureReport(error: unknown, { logs }: Commands): string[] {
	const reason = error instanceof Error ? error.message : String(error);
	const tails = logs.flatMap(({ name, text }) => [`  ${name}`, ...tailOf(text)]);
	return ["", `broke off: ${withoutTokens(reason)}`, ...tails, HINT];
}

const HINT =
	"next: run it again; if it breaks off again at the same place, please report these lines";

function tailOf(text: string): string[] {
	const lines = text.trimEnd().split("\n").slice(-TAIL);
	return lines.map((line) => `    ${withoutTokens(line).slice(0, LONGEST)}`);
}

function withoutTokens(text: string): string {
	return text.replace(new RegExp(CANARY_PATTERN.source, "g"), "[secret]");
}
