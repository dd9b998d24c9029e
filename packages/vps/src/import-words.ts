/** What became of an import, in words, with the next step and the exit code. */

import { EXIT, type ExitCode } from "@baton/core/error";
import type { ImportAnswer } from "./control-message.ts";

export interface ImportWords {
	readonly ok: boolean;
	readonly line: string;
	readonly next: string | undefined;
	readonly code: ExitCode;
}

export interface Imported {
	/** The custody name. */
	readonly name: string;
	/** The file; undefined for a setup token. */
	readonly source: string | undefined;
}

/** Whether no more is to come. */
export function isSettled({ became }: ImportAnswer): boolean {
	return became !== "staged" && became !== "in-doubt" && became !== "unavailable";
}

export function importWords(answer: ImportAnswer, about: Imported): ImportWords {
	const { name, source } = about;
	const from = source === undefined ? "the setup token" : `the login in ${source}`;
	switch (answer.became) {
		case "claimed":
			return answer.disarmed === undefined
				? well(source === undefined ? `${name} keeps ${from}` : `${name} has taken over ${from}`)
				: spare(answer, about, "is kept here already");
		case "staged":
		case "in-doubt":
			return {
				ok: false,
				line:
					source === undefined
						? `${from} is here, but not in use yet: the provider has to be waited for`
						: `${from} is here, but not claimed yet: the provider, or a sink, has to be waited for`,
				next: "batond status says for what; it goes on by itself",
				code: EXIT.providerUnreachable,
			};
		case "spent":
			return {
				...spare(answer, about, "was used up: the provider has refused it for good"),
				ok: false,
				next: "make a new login",
				code: EXIT.needsLogin,
			};
		case "decline":
		case "not-taken":
			return declined(answer, about, from);
		default:
			return declinedWith(`${from} was not taken over: the service is stopping`, "try again");
	}
}

function well(line: string): ImportWords {
	return { ok: true, line, next: undefined, code: EXIT.well };
}

function spare({ disarmed }: ImportAnswer, { source }: Imported, what: string): ImportWords {
	const line = `the login in ${source} ${what}`;
	if (disarmed === undefined) return well(line);
	if (disarmed) return well(`${line}; this copy of it is disarmed now`);
	const next = `remove the copy by hand, lest somebody use it: ${source}`;
	return {
		ok: false,
		line: `${line}, and this copy could not be disarmed`,
		next,
		code: EXIT.fault,
	};
}

function declined(answer: ImportAnswer, about: Imported, from: string): ImportWords {
	const { name } = about;
	const notTaken = `${from} was not taken over and is left as it is`;
	switch (answer.reason) {
		case "retired":
			return spare(answer, about, "is of a login that is kept here, from before a refresh");
		case "healthy":
			return declinedWith(
				`${notTaken}: ${name} has a login in good order`,
				"--replace puts this one in its place; --name keeps it beside the other",
			);
		case "other-account":
			return declinedWith(
				`${notTaken}: ${name} is kept for another account`,
				"keep it under another name: add one to batond.json, then --name",
			);
		case "busy":
			return declinedWith(
				`${notTaken}: another login is just being taken over`,
				"batond status says which; try again once that is done",
			);
		case "replaced":
			return declinedWith(
				`${notTaken}: it changed there meanwhile, or another took its place`,
				"try again; stop what refreshes it there first",
			);
		case "dead":
			return declinedWith(
				`${notTaken}: the provider refuses its access token`,
				"log in there again, or make a login on the PC for this host",
			);
		default:
			return declinedWith(`${notTaken}: it has reached its end`, "make a new login");
	}
}

function declinedWith(line: string, next: string): ImportWords {
	return { ok: false, line, next, code: EXIT.declined };
}
