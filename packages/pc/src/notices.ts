/** Notes of the machine in words for the person at this PC, each with the next step where there is one. */

import type { Note } from "@baton/core/effect";
import type { PcState } from "@baton/core/handover-state";
import { dedicatedTo } from "@baton/core/handover-state";
import { declineWords, lossWords } from "./words.ts";

export interface Notice {
	/** Lower-case and without a full stop. */
	readonly text: string;
	readonly next: string | undefined;
}

export function noticeOf(note: Note, state: PcState): Notice {
	const host = note.host ?? "the host";
	const reason = note.reason ?? "";
	const notice = (text: string, next?: string): Notice => ({ text, next });
	switch (note.what) {
		case "login-seen":
			return notice(`a login for ${host} was seen`);
		case "taken":
			return notice(`taken for ${host}: from now on this PC cannot spend it`);
		case "handed-over":
			return notice(`handed over to ${host}`, nextOnPc(note, state));
		case "declined":
			return notice(`${host} declined: ${declineWords(reason)}`);
		case "not-taken":
			return notice(`${host} gave the login back: ${declineWords(reason)}`);
		case "spent":
			return notice(
				`${host} could not claim the login: it is spent or revoked`,
				`make a new one for ${host}`,
			);
		case "put-back":
			return notice(`the login for ${host} is back on this PC`);
		case "kept":
			return notice(
				`the login for ${host} came back, but its place holds another: it is kept in escrow`,
				`to put it back, log out there and run: baton take-back ${host}`,
			);
		case "forced-back":
			return notice(
				`the login for ${host} is taken back by force`,
				`if ${host} did claim it, one of the two will fail: make a new login then`,
			);
		case "copy-disarmed":
			return notice(
				"a copy of a login that was handed over came back and was disarmed",
				"if you did not restore a backup, look what copies claude's files to this PC",
			);
		case "permit-opened":
			return notice(`the next /login in claude on this PC goes to ${host}`);
		case "host-needs-login":
			return notice(`${host} needs a login: ${lossWords(reason)}`, nextForHost(host, state));
		case "host-unreachable":
			return notice(`no answer from ${host}: ${reason}`);
		case "disk-failed":
			return notice(`could not write here, trying again: ${reason}`);
		case "store-busy":
			return notice("claude's locks stay held, waiting", "if no claude runs, wait a minute");
		default:
			return notice(note.what.replaceAll("-", " "));
	}
}

/** The login that left claude's own place is missing there; one from a dedicated folder is not. */
function nextOnPc({ fp }: Note, { record }: PcState): string | undefined {
	const handover = record.handovers.find((one) => one.fp === fp);
	if (handover === undefined || dedicatedTo(handover.store) !== undefined) return undefined;
	return "run /login once more in claude on this PC, for the PC itself";
}

function nextForHost(host: string, { record, rules }: PcState): string {
	if (rules.hosts[host]?.mode !== "follow-login") return `make a new login for ${host}`;
	return record.permit?.host === host
		? "run /login in claude on this PC: that login is handed over"
		: `run baton handover ${host} --next-login, then /login in claude`;
}
