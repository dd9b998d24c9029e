/** Credentials files that lie about: a refresh token of ours in one of them is a spare copy. */

import type { Finding } from "./finding.ts";

export interface LeftoverFacts {
	readonly path: string;
	/** What the service knows of the refresh token in it; `unknown` for somebody's own login. */
	readonly became: string | undefined;
}

/** In custody now, or before: whoever presents it again may end the login. */
const OURS: readonly string[] = ["claimed", "spent", "staged", "in-doubt"];

/** @param unreadable how many files there were that could not be read */
export function judgeLeftovers(
	found: readonly LeftoverFacts[],
	unreadable: readonly string[],
	looked: number,
): Finding[] {
	const about = "copies";
	const ours = found.filter(({ became }) => became !== undefined && OURS.includes(became));
	const unasked = found.filter(({ became }) => became === undefined);
	return [
		...ours.map(({ path }): Finding => {
			const says = `${path} holds a refresh token of a login that is kept here`;
			return { about, gravity: "wrong", says, hint: `batond import ${path} disarms it` };
		}),
		...unasked.map(({ path }): Finding => {
			const says = `${path} holds a login; whether it is a copy of ours only the service can say`;
			return { about, gravity: "unseen", says, hint: "start the service, then run this again" };
		}),
		...unreadable.map((path): Finding => {
			return { about, gravity: "unseen", says: `${path} is there and could not be read` };
		}),
		...(ours.length + unasked.length === 0
			? [{ about, gravity: "well" as const, says: `none of ours in ${looked} usual places` }]
			: []),
	];
}
