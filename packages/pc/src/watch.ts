/**
 * Looks at one store whenever its folder tells of a change, and every so often without being told: a
 * watch may miss the second of two quick renames, and goes deaf when its folder is replaced.
 */

import { SECOND } from "@baton/core/duration";
import type { Clock } from "@baton/io/clock";
import { FolderWatch } from "./sources/folder-watch.ts";

export interface StoreWatch {
	/** The folder and the name in it of the file to be watched. */
	readonly folder: string;
	readonly file: string;
	readonly clock: Clock;
	/** Between two looks without news, ms. */
	readonly reconcileEvery: number;
	look(): Promise<unknown>;
}

/** Between two looks at a folder that is missing or cannot be watched. */
const UNWATCHED_EVERY = 2 * SECOND;
/** After news: a second rename within 50 ms of the first goes unheard. */
const AFTER_NEWS = 300;

/** Resolves when told to stop. */
export async function watchStore(options: StoreWatch, signal: AbortSignal): Promise<void> {
	const { folder, file, clock, reconcileEvery, look } = options;
	const watch = new FolderWatch(folder, file);
	let isNews = false;
	try {
		while (!signal.aborted) {
			const isWatched = await watch.ensure();
			const news = watch.news();
			await look();
			const calm = isWatched ? reconcileEvery : Math.min(UNWATCHED_EVERY, reconcileEvery);
			const wait = isNews ? Math.min(AFTER_NEWS, calm) : calm;
			await clock.sleep(wait, AbortSignal.any([signal, news])).catch(() => undefined);
			isNews = news.aborted;
		}
	} finally {
		await watch.close();
	}
}
