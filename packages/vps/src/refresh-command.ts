/** `batond refresh`: has the service refresh a login now, waits, and says what came of it. */

import { formatDuration } from "@baton/core/duration";
import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import { type Fix, judgeCheck } from "./check-words.ts";
import { type Asking, confirm } from "./confirm.ts";
import type { NameStatus } from "./control-message.ts";
import { jsonLine, type Said } from "./said.ts";
import { askForRefresh, lookAtNames, settled, type WatchOptions } from "./watch-names.ts";

export interface RefreshOptions extends WatchOptions {
	readonly name: string;
	/** Also in the first quarter of the access token's life; asks first. */
	readonly force: boolean;
	readonly json: boolean;
	readonly asking: Asking;
}

/**
 * Exit code 11 if it was declined, 13 if the provider was out of reach or refused, 10 if a login is
 * needed.
 *
 * @throws BatonError `service-unavailable`; `usage` for an unknown name; `declined` by the person
 */
export async function refresh(options: RefreshOptions): Promise<Said> {
	const { name, force, json, asking, clock } = options;
	const before = await status(options);
	if (force && !(await confirm(questionFor(before, clock.now()), asking))) {
		throw new BatonError("declined", "nothing was done", { hint: "answer y to go on" });
	}
	const verdict = await askForRefresh(name, force, options);
	const fix: Fix =
		verdict.kind === "declined" ? verdict : { kind: "waiting", generation: before.generation };
	if (fix.kind === "waiting") await settled(options, [name]);
	const { names, now } = await lookAtNames(options);
	const after = names[0] ?? before;
	const { line, ...facts } = judgeCheck(after, { now, withinMs: 0, fix });
	const code = codeOf(after, facts);
	const isEarly = fix.kind === "declined" && fix.why === "too-soon";
	return {
		stdout: json ? jsonLine({ ok: code === EXIT.well, ...facts, code, line }) : `${line}\n`,
		stderr: isEarly ? "next: if it has to be now: batond refresh --force\n" : "",
		code,
	};
}

async function status(options: RefreshOptions): Promise<NameStatus> {
	const { names } = await lookAtNames(options);
	return names[0] as NameStatus;
}

type Outcome = Pick<ReturnType<typeof judgeCheck>, "code" | "refreshed" | "declined">;

function codeOf({ failures }: NameStatus, { code, refreshed, declined }: Outcome): ExitCode {
	if (refreshed === true || code === EXIT.needsLogin) return refreshed ? EXIT.well : code;
	if (declined !== undefined) return EXIT.declined;
	return failures > 0 ? EXIT.providerUnreachable : EXIT.fault;
}

function questionFor({ name, rotatedAt, accessUntil }: NameStatus, now: number): string {
	const age = rotatedAt === undefined ? "" : `, ${formatDuration(now - rotatedAt)} old`;
	const left =
		accessUntil === undefined ? "" : ` and good for ${formatDuration(accessUntil - now)} more`;
	return [
		`the access token of ${name} is living${age}${left}`,
		"each refresh spends the refresh token: more of them is more that can go wrong",
		"refresh it all the same",
	].join("\n");
}
