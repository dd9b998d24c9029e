/** Everything odd that may lie where claude's file is looked for, one after the other, under a running watcher. */
import { lstatSync, readFileSync, rmSync } from "node:fs";
import { expect } from "vitest";
import type { Child } from "../../parts/child-process.ts";
import { ODD_FILES, type OddFile } from "../../parts/odd-credentials.ts";
import { published, settled } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const UNREADABLE = ODD_FILES.filter(({ is }) => is === "unreadable");
/** Looks often: of a link to itself the system sends no news, and a minute is long. */
const OPTIONS = { pc: { reconcileEvery: "500ms" } };
const LOGIN = { accessToken: "sk-ant-oat01-CANARY-odd", refreshToken: "sk-ant-ort01-CANARY-odd" };

/** Enough for a program that reads a megabyte now and then. */
const MOST_KB = 400_000;

interface Use {
	/** Of the processor, s. */
	readonly seconds: number;
	readonly kilobytes: number;
}

function useOf({ pid }: Child): Use {
	const [, ticks = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
	const [user, system] = ticks.split(" ").slice(11, 13).map(Number);
	const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
	return { seconds: ((user ?? 0) + (system ?? 0)) / 100, kilobytes: Number(peak) };
}

/** What `baton status` says of a store that cannot be read. */
async function troublesOf({ pc }: Stage): Promise<Record<string, string>> {
	return (await pc.facts("status")).stores as Record<string, string>;
}

/** Laid there, told of as what it is, left as it is, and taken away again. */
async function endures(stage: Stage, file: string, odd: OddFile): Promise<void> {
	rmSync(file, { recursive: true, force: true });
	const undo = odd.make(file, LOGIN);
	try {
		const before = lstatSync(file);
		await until(`the status tells of ${odd.name}`, async () => {
			return odd.why?.test((await troublesOf(stage))[file] ?? "");
		});
		const { ino, mtimeMs, size } = lstatSync(file);
		expect({ ino, mtimeMs, size }).toEqual({
			ino: before.ino,
			mtimeMs: before.mtimeMs,
			size: before.size,
		});
	} finally {
		undo?.();
		rmSync(file, { recursive: true, force: true });
	}
}

story(
	"whatever lies there, the watcher goes on, and hands over a login",
	OPTIONS,
	async (stage) => {
		const service = await stage.serve();
		const watcher = await stage.watch();
		const file = stage.pc.claudeFor(HOST).credentialsPath;
		const started = useOf(watcher);
		const began = performance.now();
		for (const odd of UNREADABLE) await endures(stage, file, odd);
		const { seconds, kilobytes } = useOf(watcher);
		const elapsed = (performance.now() - began) / 1000;
		// Half of all that time would be a loop that never rests.
		expect((seconds - started.seconds) / elapsed).toBeLessThan(0.5);
		expect(kilobytes).toBeLessThan(MOST_KB);
		await until(
			"the status is clean",
			async () => Object.keys(await troublesOf(stage)).length === 0,
		);
		const text = await stage.baton("status");
		expect(text.stdout).not.toContain("cannot read");

		const login = await stage.pc.claudeFor(HOST).login();
		await settled(stage);
		await published(stage);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);
