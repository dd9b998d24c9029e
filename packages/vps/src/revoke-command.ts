/**
 * `batond revoke`: a person ends a login for good. The service stops refreshing it, durably; logs it
 * out at the provider; and clears the sinks. Run again, it does what was left.
 */

import { formatDuration } from "@baton/core/duration";
import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import { askService } from "./ask-service.ts";
import { type Asking, confirm } from "./confirm.ts";
import type { NameStatus, RevocationAnswer } from "./control-message.ts";
import { jsonLine, type Said } from "./said.ts";
import type { SinkReport } from "./sink-report.ts";
import { lookAtNames, settled, type WatchOptions } from "./watch-names.ts";

export interface RevokeOptions extends WatchOptions {
	readonly name: string;
	readonly json: boolean;
	readonly asking: Asking;
}

/**
 * Exit code 13 while the provider has not ended it, 1 while a sink holds what is ours.
 *
 * @throws BatonError `service-unavailable`; `usage` for an unknown name; `declined` by the person, or
 * where nothing can be revoked just now
 */
export async function revoke(options: RevokeOptions): Promise<Said> {
	const { name, asking, clock, stateFolder } = options;
	const before = await status(options);
	if (!(await confirm(questionFor(before, clock.now()), asking))) {
		throw new BatonError("declined", "nothing was done", { hint: "answer y to go on" });
	}
	const asked = await askService(stateFolder, { v: 1, type: "revoke", name }, clock);
	const { verdict } = asked as RevocationAnswer;
	if (verdict.kind === "declined" && verdict.why === "busy") throw busy();
	if (verdict.kind === "declined" && !isLoggedOut(before)) throw nothing(name);
	await settled(options, [name], isUnderWay);
	return report(await status(options), before, options);
}

async function status(options: RevokeOptions): Promise<NameStatus> {
	const { names } = await lookAtNames(options);
	return names[0] as NameStatus;
}

function isLoggedOut({ state, need }: NameStatus): boolean {
	return state === "needs-login" && need === "logged-out";
}

/** The first attempt at the provider and at each sink is waited for, not the ones after. */
function isUnderWay({ state, failures, sinks }: NameStatus): boolean {
	return (
		(state === "revoking" && failures === 0) || sinks.some((sink) => sink.state === "clearing")
	);
}

function busy(): BatonError {
	return new BatonError("declined", "another login is just being claimed; nothing was done", {
		hint: "run it again once batond status says that it is claimed",
	});
}

function nothing(name: string): BatonError {
	return new BatonError("declined", `${name} holds no login that could be revoked`, {
		hint: "batond status",
	});
}

function questionFor(
	{ name, lineageId, device, deadline, sinks, staged }: NameStatus,
	now: number,
) {
	const from = lineageId === undefined ? "" : ` ${lineageId}, from ${device}`;
	const ends =
		deadline === undefined ? "" : `, which would end in ${formatDuration(deadline - now)}`;
	const served = sinks.map((sink) => sink.name).join(", ");
	return [
		`ends the login${from} of ${name}${ends}: it cannot be had back`,
		"it is refreshed no more, then logged out at the provider, which may end more than this with it",
		...(served === "" ? [] : [`its access token goes from ${served}`]),
		...(staged === undefined
			? []
			: [`a new login from ${staged.device} waits here and takes its place; it is not revoked`]),
		"go on",
	].join("\n");
}

// Words

function report(after: NameStatus, before: NameStatus, { name, json }: RevokeOptions): Said {
	const isOut = after.state !== "revoking";
	const left = after.sinks.filter((sink) => sink.state === "failing" || sink.state === "clearing");
	const code: ExitCode = !isOut
		? EXIT.providerUnreachable
		: left.length > 0
			? EXIT.fault
			: EXIT.well;
	if (json) {
		const sinks = after.sinks.map(({ name: sink, state, trouble }) => ({
			name: sink,
			state,
			trouble,
		}));
		const facts = {
			ok: code === EXIT.well,
			name,
			lineageId: before.lineageId,
			loggedOut: isOut && after.notRevoked === undefined,
			notRevoked: after.notRevoked,
			sinks,
		};
		return { stdout: jsonLine(facts), stderr: "", code };
	}
	const said = [
		`${name}: ${providerWords(after, isOut)}`,
		...after.sinks.map((sink) => `  sink ${sink.name}: ${sinkWords(sink)}`),
		...stayedWords(after, before),
	];
	return { stdout: `${said.join("\n")}\n`, stderr: nextWords(after, isOut), code };
}

/** Said again at the end: with `--yes` nobody has seen the question. */
function stayedWords(after: NameStatus, before: NameStatus): string[] {
	const { staged } = after.staged === undefined ? before : after;
	if (staged === undefined) return [];
	return [`  the new login from ${staged.device} was not revoked: it takes this one's place`];
}

function providerWords({ notRevoked, refusal }: NameStatus, isOut: boolean): string {
	if (!isOut) {
		const why = refusal === undefined ? "" : ` (${refusal})`;
		return `refreshed no more; not logged out at the provider yet${why}, which is tried again`;
	}
	if (notRevoked === undefined) return "logged out at the provider, and forgotten here";
	return `forgotten here, but the provider did not log it out: ${notRevoked}`;
}

const ELSEWHERE = "end that session on the account's page: it may live on until its own end";

function nextWords({ notRevoked }: NameStatus, isOut: boolean): string {
	if (!isOut) return `next: leave the service running, or run this again; or ${ELSEWHERE}\n`;
	return notRevoked === undefined ? "" : `next: ${ELSEWHERE}\n`;
}

const SINKS: Readonly<Partial<Record<SinkReport["state"], string>>> = {
	cleared: "holds nothing of ours any more",
	clearing: "still holds its access token; it is tried again",
	kept: "was given its access token by a command, which nothing takes back",
	foreign: "somebody's own login lies there; it is left alone",
	"logged-out": "somebody has logged out there",
	"not-ours": "what lies there was not written by batond; it is left alone",
	failing: "cannot be cleared yet",
};

function sinkWords({ state, trouble }: SinkReport): string {
	const why = trouble === undefined ? "" : ` (${trouble})`;
	return `${SINKS[state] ?? state}${why}`;
}
