/** Cron jobs and timers of this user and of the machine. */

import { join } from "node:path";
import { SECOND } from "@baton/core/duration";
import { runCommand } from "@baton/io/run-command";
import { filesIn, readText } from "./read-text.ts";
import { type RefreshJob, refreshJobsIn } from "./refresh-jobs.ts";

export async function lookAtJobs(
	home: string,
	environment: NodeJS.ProcessEnv,
): Promise<RefreshJob[]> {
	const files = [
		"/etc/crontab",
		...(await filesIn("/etc/cron.d")),
		...(await filesIn("/etc/cron.hourly")),
		...(await filesIn("/etc/cron.daily")),
		...(await servicesOfTimers(join(home, ".config/systemd/user"))),
		...(await servicesOfTimers("/etc/systemd/system")),
	];
	const found = files.map(async (path) => {
		const text = await readText(path);
		return text === undefined || text === "unseen" ? [] : refreshJobsIn(path, text);
	});
	const own = refreshJobsIn("crontab -l", await ownCrontab(environment));
	return [...own, ...(await Promise.all(found)).flat()];
}

/** A service without a timer runs for itself, and is no job. */
async function servicesOfTimers(folder: string): Promise<string[]> {
	const timers = await filesIn(folder, /\.timer$/);
	return timers.map((timer) => timer.replace(/\.timer$/, ".service"));
}

async function ownCrontab({ PATH = "/usr/bin:/bin" }: NodeJS.ProcessEnv): Promise<string> {
	try {
		const { code, stdout } = await runCommand(["crontab", "-l"], {
			env: { PATH },
			timeoutMs: 5 * SECOND,
		});
		return code === 0 ? stdout : "";
	} catch {
		return "";
	}
}
