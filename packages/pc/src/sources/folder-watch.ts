/**
 * Hears of changes to one file by watching its folder: claude replaces the file by a rename, after
 * which a watch on the file itself would hear no more.
 */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type FSWatcher, watch } from "chokidar";

export class FolderWatch {
	readonly #folder: string;
	readonly #file: string;
	#watcher: FSWatcher | undefined;
	#inode: number | undefined;
	#news = new AbortController();

	/** @param name of the file in the folder; both may be missing yet */
	constructor(folder: string, name: string) {
		this.#folder = folder;
		this.#file = join(folder, name);
	}

	/** Aborted at the next change after this was asked for. */
	news(): AbortSignal {
		if (this.#news.signal.aborted) this.#news = new AbortController();
		return this.#news.signal;
	}

	/**
	 * Watches the folder that is there now, which may be another than before.
	 *
	 * @returns false if there is none, or the system has no watch to give: look often, then
	 */
	async ensure(): Promise<boolean> {
		const inode = await inodeOf(this.#folder);
		if (inode !== undefined && inode === this.#inode && this.#watcher !== undefined) return true;
		await this.close();
		if (inode === undefined || !(await this.#start())) return false;
		this.#inode = inode;
		return true;
	}

	async close(): Promise<void> {
		const watcher = this.#watcher;
		this.#watcher = undefined;
		this.#inode = undefined;
		await watcher?.close();
	}

	async #start(): Promise<boolean> {
		const watcher = watch(this.#folder, {
			depth: 0,
			ignoreInitial: true,
			ignored: (path) => path !== this.#folder && path !== this.#file,
			awaitWriteFinish: { stabilityThreshold: 100, pollInterval: 20 },
		});
		this.#watcher = watcher;
		watcher.on("all", () => this.#news.abort());
		const isReady = await new Promise<boolean>((resolve) => {
			watcher.once("ready", () => resolve(true));
			watcher.on("error", () => {
				resolve(false);
				this.#giveUp(watcher);
			});
		});
		return isReady && this.#watcher === watcher;
	}

	/** Too many watches, or the folder went: the next `ensure` tries again. */
	#giveUp(watcher: FSWatcher): void {
		if (this.#watcher !== watcher) return;
		void this.close();
		this.#news.abort();
	}
}

async function inodeOf(folder: string): Promise<number | undefined> {
	const found = await stat(folder).catch(() => undefined);
	return found?.isDirectory() ? found.ino : undefined;
}
