/** A program that crashes with a login in hand shows no token: not in words, reports or a debugger. */
import { describe, expect } from "vitest";
import type { Child } from "../../parts/child-process.ts";
import { outcomes, published, settled } from "./milestones.ts";
import { HOST } from "./stage.ts";
import { story } from "./story.ts";

const PRELOAD = new URL("./crash-with-token.mjs", import.meta.url).href;

/** With everything on that makes Node write down how a program ended. */
function crashing(how: string, folder: string): Record<string, string> {
	const reports = `--report-uncaught-exception --report-on-fatalerror --report-directory=${folder}`;
	return { NODE_OPTIONS: `--import=${PRELOAD} ${reports}`, CRASH_AS: how };
}

async function crashed(child: Child): Promise<void> {
	expect(await child.ended(20_000)).toEqual({ code: 1, signal: null });
	expect(child.stderr()).toMatch(/Error at .*crash-with-token\.mjs:\d+/);
}

describe.each(["exception", "rejection"])(
	"an %s that nobody catches, with a token in it",
	(how) => {
		story("ends batond without showing it, and the login is delivered again", {}, async (stage) => {
			const service = await stage.serve(crashing(how, stage.vps.scratch.path));
			const watcher = await stage.watch();
			const login = await stage.pc.claudeFor(HOST).login();
			await crashed(service);
			expect(service.stderr()).toContain("error: a fault in batond itself");
			const again = await stage.serve();
			await settled(stage);
			await published(stage);
			expect(await outcomes(stage)).toEqual(["rotated"]);
			return { running: [again, watcher], logins: [[login, "vps current"]] };
		});

		story(
			"ends baton without showing it, and the login is handed over later",
			{},
			async (stage) => {
				const service = await stage.serve();
				const watcher = await stage.watch(crashing(how, stage.pc.scratch.path));
				const login = await stage.pc.claudeFor(HOST).login();
				await crashed(watcher);
				expect(watcher.stderr()).toContain("error: an unforeseen fault");
				const again = await stage.watch();
				await settled(stage);
				await published(stage);
				return { running: [service, again], logins: [[login, "vps current"]] };
			},
		);
	},
);

story("the signal that opens Node's debugger opens none", {}, async (stage) => {
	const running = [await stage.serve(), await stage.watch()];
	for (const child of running) child.kill("SIGUSR1");
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	for (const child of running) {
		expect(child.exit()).toBeUndefined();
		expect(child.stderr()).not.toContain("Debugger listening");
	}
	return { running, logins: [[login, "vps current"]] };
});
