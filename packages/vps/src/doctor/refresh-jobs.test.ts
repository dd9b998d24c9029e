import { expect, test } from "vitest";
import { judgeJobs, refreshJobsIn } from "./refresh-jobs.ts";

test.each<[text: string, why: string | undefined]>([
	["*/30 * * * * claude -p 'ping' > /dev/null", "runs-claude"],
	["0 * * * * root /usr/local/bin/claude --print hi", "runs-claude"],
	["ExecStart=/home/me/.local/bin/claude auth status --json", "runs-claude"],
	["0 4 * * * claude --model x -p hello", "runs-claude"],
	["@daily scp pc:.claude/.credentials.json /root/.claude/", "copies-login"],
	["cp /root/.claude/.credentials.json /srv/agent/", "copies-login"],
	["rsync -a pc:claude-credentials.json .", "copies-login"],
	["curl -d @r https://platform.claude.com/v1/oauth/token", "posts-refresh"],
	["curl -d grant_type=refresh_token https://x", "posts-refresh"],
	["# 0 * * * * claude -p hi", undefined],
	["0 * * * * batond check --within 2h --fix", undefined],
	["0 * * * * claude --version", undefined],
	["0 * * * * /opt/claudette -p 80", undefined],
	["ExecStart=/usr/bin/backup --exclude .credentials.json", undefined],
])("%j: %s", (text, why) => {
	const found = refreshJobsIn("/etc/crontab", `MAILTO=x\n${text}\n`);
	expect(found.map((one) => one.why)).toEqual(why === undefined ? [] : [why]);
	if (why !== undefined) expect(found[0]).toMatchObject({ where: "/etc/crontab", line: 2 });
});

test("a copy or a refresh by hand is wrong, a run of claude may be meant", () => {
	const gravities = (["runs-claude", "copies-login", "posts-refresh"] as const).map(
		(why) => judgeJobs([{ where: "crontab -l", line: 1, why }])[0]?.gravity,
	);
	expect(gravities).toEqual(["doubtful", "wrong", "wrong"]);
	expect(judgeJobs([])).toMatchObject([{ gravity: "well" }]);
});
