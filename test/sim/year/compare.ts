/** One year of all three, and whether the custodian kept its promises in it. */

import { HEARTBEAT, PLUGIN } from "./habits.ts";
import { type Lived, type LivedByOurs, liveAsOurs, liveByHabit } from "./live.ts";
import { drawYear, type Year } from "./weather.ts";

export interface ComparedYear {
	readonly year: Year;
	readonly ours: LivedByOurs;
	readonly heartbeat: Lived;
	readonly plugin: Lived;
}

export async function compareYear(seed: number): Promise<ComparedYear> {
	const year = drawYear(seed);
	return {
		year,
		ours: await liveAsOurs(year),
		heartbeat: await liveByHabit(year, HEARTBEAT),
		plugin: await liveByHabit(year, PLUGIN),
	};
}

/** What was broken; nothing if all is well. */
export function brokenPromises(year: Year, ours: LivedByOurs): string[] {
	const { secondsWithoutToken, spentTwice, lost, lostInFlight, pressed, logins } = ours;
	const asked = year.logins.length - 1;
	const broken = [
		secondsWithoutToken > 0 && `${secondsWithoutToken} seconds without a token`,
		spentTwice > 0 && `${spentTwice} tokens spent twice`,
		lost > 0 && `${lost} logins lost`,
		lostInFlight > 0 && `${lostInFlight} logins whose new token nobody received`,
		pressed > 0 && `${pressed} refreshes sent while asked to stay away`,
		logins !== asked && `${logins} logins, and ${asked} were to be given`,
	];
	return [...broken.filter((what) => what !== false), ...ours.violations];
}
