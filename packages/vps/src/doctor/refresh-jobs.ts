/** Jobs by which people kept a login alive by hand, or carried one over. With a custodian they do harm. */

import type { Finding } from "./finding.ts";

export interface RefreshJob {
	readonly where: string;
	/** From 1. */
	readonly line: number;
	readonly why: "runs-claude" | "copies-login" | "posts-refresh";
}

const COMMENT = /^\s*[#;]/;
/** A call of claude that may refresh: a prompt, or its status. */
const RUNS_CLAUDE = /\bclaude(?:\.sh)?\b[^|;&]*\s(?:-p\b|--print\b|auth\s+status\b|auth\s+login\b)/;
const COPIES =
	/\b(?:scp|rsync|cp|rclone|cat)\b[^|;&]*(?:\.credentials\.json|claude-credentials\.json)/;
const POSTS = /\b(?:curl|wget|http)\b.*\boauth\/token\b|\bgrant_type=refresh_token\b/;

/** @param text a crontab, a script, or a unit file */
export function refreshJobsIn(where: string, text: string): RefreshJob[] {
	return text.split("\n").flatMap((content, index): RefreshJob[] => {
		const why = COMMENT.test(content) ? undefined : reasonIn(content);
		return why === undefined ? [] : [{ where, line: index + 1, why }];
	});
}

function reasonIn(line: string): RefreshJob["why"] | undefined {
	if (RUNS_CLAUDE.test(line)) return "runs-claude";
	if (COPIES.test(line)) return "copies-login";
	return POSTS.test(line) ? "posts-refresh" : undefined;
}

const SAYS = {
	"runs-claude": ["runs claude, which refreshes a login where it finds one", "doubtful"],
	"copies-login": ["copies a login: two machines would hold one refresh token", "wrong"],
	"posts-refresh": ["refreshes a login by itself: the second to do so ends it", "wrong"],
} as const;

export function judgeJobs(jobs: readonly RefreshJob[]): Finding[] {
	const about = "jobs";
	if (jobs.length === 0) {
		return [
			{ about, gravity: "well", says: "no cron job or timer was found that refreshes by hand" },
		];
	}
	return jobs.map(({ where, line, why }) => {
		const [says, gravity] = SAYS[why];
		const hint = "batond does what it was for: take it out, unless it serves another login";
		return { about, gravity, says: `${where}, line ${line}, ${says}`, hint };
	});
}
