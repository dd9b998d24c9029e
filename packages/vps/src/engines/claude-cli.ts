/**
 * The refresh as the official claude does it: in a folder of its own with the login in it, close to its
 * end, claude is started, which refreshes it under its own locks.
 *
 * claude is never ended by us, whatever happens: the provider may just be replacing the token. It is in
 * a process group and session of its own and writes to no pipe, so neither a stop nor a crash of this
 * service ends it. A run that is not waited for any longer is found by its folder, and harvested.
 */

import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { judgeClaudeRun } from "@baton/core/judge-claude-run";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import type { HarvestOutcome, RefreshOutcome } from "@baton/core/oauth";
import type { ArmedSession } from "@baton/core/session";
import type { Clock } from "@baton/io/clock";
import { processesWith } from "@baton/io/processes-with";
import type { Durable, Engine } from "./engine.ts";
import { RunFolder, runFolders } from "./run-folder.ts";
import { livesStill, type RunRecord, runProcess } from "./run-record.ts";
import { type ClaudeProcess, letGo, startClaude, startHolder } from "./start-claude.ts";

export interface ClaudeCliOptions {
	/** For this custody name alone; made when it is needed. */
	readonly folder: string;
	/** What claude may see of the service's environment. */
	readonly environment: Readonly<Record<string, string>>;
	/** claude's program, if there is one that will do. */
	program(): Promise<string | undefined>;
	/** What trying would come to, where that can be told beforehand. */
	knock(): Promise<RefreshOutcome | undefined>;
	/** How long a refresh is waited for, ms, with all that comes before claude is started. It goes on after that. */
	readonly waitMs: number;
	readonly clock: Clock;
	/** Something of an earlier refresh could not be removed, or should not be. */
	onLeftover(why: string): void;
}

/** Between two looks at processes that are not ours to wait for. */
const LOOK_EVERY = SECOND / 5;
/** claude gives the provider 30 s, and some seconds to its own locks. */
const HELD_OPEN = 60 * SECOND;
/**
 * Of a start whose process was never noted: claude has left by then, also where its environment cannot be
 * read, as from one sandbox into the next.
 */
const STARTING = HELD_OPEN + 30 * SECOND;

export class ClaudeCliEngine implements Engine {
	readonly #options: ClaudeCliOptions;
	/** One thing at a time is done with the folders. */
	#last: Promise<unknown> = Promise.resolve();
	#durable: Durable | undefined;

	constructor(options: ClaudeCliOptions) {
		this.#options = options;
	}

	async refresh(session: ArmedSession): Promise<RefreshOutcome> {
		const { clock, waitMs } = this.#options;
		const deadline = clock.monotonic() + waitMs;
		const fp = fingerprint(session.refreshToken);
		const left = await this.clear(fp);
		if (left !== undefined) return left;
		const program = await this.#options.program();
		if (program === undefined) return { kind: "not-sent" };
		const turnedAway = await this.#options.knock();
		return turnedAway ?? (await this.#alone(() => this.#refresh(session, fp, program, deadline)));
	}

	/**
	 * What an earlier try of this very token came to, if that is known or may yet be: then there must be
	 * no other. Otherwise what it has left is removed before another is made, whoever makes it: a refusal
	 * of then is none of the next one.
	 */
	async clear(fp: Fingerprint): Promise<RefreshOutcome | undefined> {
		const left = await this.harvest(fp);
		if (left.kind === "running") return { kind: "no-reply" };
		if (left.kind === "rotated" || left.kind === "dead") return left;
		const run = new RunFolder(this.#options.folder, fp);
		const removed = await this.#alone(() => run.remove()).then(() => true, notStarted);
		return removed ? undefined : { kind: "not-sent" };
	}

	async #refresh(
		session: ArmedSession,
		fp: Fingerprint,
		program: string,
		deadline: number,
	): Promise<RefreshOutcome> {
		const run = new RunFolder(this.#options.folder, fp);
		const started = await this.#start(run, session, program).catch(notStarted);
		if (started === undefined) return { kind: "not-sent" };
		if ((await this.#waitFor(run, fp, started, deadline)) === "runs on")
			return { kind: "no-reply" };
		// Where the disk does not say, it is harvested once it does.
		return await this.#judge(run, fp, started.record).catch(orUnknown);
	}

	/**
	 * @returns undefined if it could not be started
	 * @throws BatonError where the disk refuses, before anything was started
	 */
	async #start(
		run: RunFolder,
		session: ArmedSession,
		program: string,
	): Promise<Started | undefined> {
		const { clock, environment } = this.#options;
		const prepared = await run.make(session, clock.now());
		const holder = startHolder(HELD_OPEN / SECOND, environment);
		const record: RunRecord = {
			...prepared,
			state: "started",
			at: clock.now(),
			holder: holder.process,
		};
		await run.note(record);
		const { config, log } = run;
		const claude = startClaude({ program, config, log, environment }, holder);
		if (claude === undefined) {
			letGo(holder.process);
			await run.note(prepared).catch(() => undefined);
			return undefined;
		}
		// Without the note it is found by its environment.
		await run.note({ ...record, process: runProcess(claude.pid) }).catch(() => undefined);
		return { record, exit: claude.exit };
	}

	/**
	 * @param deadline monotonic ms
	 * @returns once it has ended, or is not waited for any longer
	 */
	async #waitFor(
		run: RunFolder,
		fp: Fingerprint,
		{ record, exit }: Started,
		deadline: number,
	): Promise<"ended" | "runs on"> {
		const { clock } = this.#options;
		while ((await Promise.race([exit, clock.sleep(LOOK_EVERY)])) !== "exited") {
			if (clock.monotonic() >= deadline) return "runs on";
			await this.#letGoOnceKnown(run, fp, record);
		}
		letGo(record.holder);
		// What claude has started itself may be at it still.
		while (processesWith(variableOf(run)).length > 0) {
			if (clock.monotonic() >= deadline) return "runs on";
			await clock.sleep(LOOK_EVERY);
		}
		return "ended";
	}

	/** Once it is known what the refresh came to claude need not stay. */
	async #letGoOnceKnown(run: RunFolder, fp: Fingerprint, record: RunRecord): Promise<void> {
		const seen = await this.#judge(run, fp, record).catch(orUnknown);
		if (seen.kind !== "no-reply") letGo(record.holder);
	}

	/** Where the disk does not say, nothing is known yet, as of one that runs. */
	harvest(fp: Fingerprint): Promise<HarvestOutcome> {
		return this.#alone(() => this.#harvest(fp)).catch((error: unknown) => {
			if (error instanceof BatonError) return { kind: "running" };
			throw error;
		});
	}

	async #harvest(fp: Fingerprint): Promise<HarvestOutcome> {
		const run = new RunFolder(this.#options.folder, fp);
		const record = await run.record();
		if (record === "none") return { kind: "nothing", endedAt: undefined };
		const facts = record === "damaged" ? undefined : record;
		if (this.#mayRun(run, facts)) {
			if (facts !== undefined) await this.#letGoOnceKnown(run, fp, facts);
			return { kind: "running" };
		}
		letGo(facts?.holder);
		const outcome = await this.#judge(run, fp, facts);
		if (outcome.kind !== "no-reply") return outcome;
		return { kind: "nothing", endedAt: await this.#endOf(run, facts) };
	}

	#mayRun(run: RunFolder, record: RunRecord | undefined): boolean {
		if (record?.state === "prepared") return false;
		if (record?.process !== undefined && livesStill(record.process)) return true;
		if (processesWith(variableOf(run)).length > 0) return true;
		if (record === undefined || record.process !== undefined) return false;
		const age = this.#options.clock.now() - record.at;
		return age >= 0 && age < STARTING;
	}

	async #judge(
		run: RunFolder,
		fp: Fingerprint,
		record: RunRecord | undefined,
	): Promise<RefreshOutcome> {
		const { access, closeEnd = 0, state = "started" } = record ?? {};
		const [files, log] = [await run.files(), await run.logged()];
		const started = state === "started";
		const look = { fp, access, closeEnd, started, files, log };
		return judgeClaudeRun(look, this.#options.clock.now());
	}

	/** Noted when it is first seen, so that each restart does not put it off. */
	async #endOf(run: RunFolder, record: RunRecord | undefined): Promise<number> {
		if (record?.endedAt !== undefined) return record.endedAt;
		const endedAt = this.#options.clock.now();
		if (record !== undefined) await run.note({ ...record, endedAt }).catch(() => undefined);
		return endedAt;
	}

	async settled(durable: Durable): Promise<void> {
		this.#durable = durable;
		try {
			await this.#alone(() => this.#tidy());
		} catch (error) {
			if (!(error instanceof BatonError)) throw error;
			this.#options.onLeftover(error.message);
		}
	}

	/** Removes what no open intent needs, by the newest record there is. */
	async #tidy(): Promise<void> {
		for (const fp of await runFolders(this.#options.folder)) {
			const durable = this.#durable;
			if (durable === undefined || durable.isOpen(fp)) continue;
			const run = new RunFolder(this.#options.folder, fp);
			const record = await run.record();
			const facts = record === "damaged" || record === "none" ? undefined : record;
			if (this.#mayRun(run, facts)) continue;
			if (await this.#holdsNews(run, fp, facts, durable)) {
				this.#options.onLeftover("a refresh by claude has left a newer login than is kept here");
			} else await run.remove();
		}
	}

	/** Of a login that is kept here as if this refresh had never been: nobody else has its newest token. */
	async #holdsNews(
		run: RunFolder,
		fp: Fingerprint,
		record: RunRecord | undefined,
		durable: Durable,
	): Promise<boolean> {
		if (!durable.isNewest(fp)) return false;
		const outcome = await this.#judge(run, fp, record);
		if (outcome.kind !== "rotated" || outcome.tokens.refreshToken === undefined) return false;
		return !durable.knows(fingerprint(outcome.tokens.refreshToken));
	}

	#alone<T>(work: () => Promise<T>): Promise<T> {
		const next = this.#last.then(work, work);
		this.#last = next.catch(() => undefined);
		return next;
	}
}

interface Started {
	readonly record: RunRecord;
	readonly exit: ClaudeProcess["exit"];
}

/** What the disk refused will be tried again. */
function notStarted(error: unknown): undefined {
	if (!(error instanceof BatonError)) throw error;
}

function orUnknown(error: unknown): RefreshOutcome {
	if (!(error instanceof BatonError)) throw error;
	return { kind: "no-reply" };
}

/** By what whoever works in this folder is known. */
function variableOf({ config }: RunFolder): string {
	return `CLAUDE_CONFIG_DIR=${config}`;
}
