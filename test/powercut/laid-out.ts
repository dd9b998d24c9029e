/** Lays files out on a real disk, for the project's own readers to load; alike ones are read once. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import type { File } from "./durable.ts";
import type { Image } from "./image.ts";

export class LaidOut {
	readonly #scratch: Scratch = makeScratch();
	readonly #known = new Map<string, Promise<unknown>>();

	/**
	 * What `load` makes of those files of an image that are `of` interest.
	 *
	 * @param root of the image's paths
	 */
	async read<T>(
		image: Image,
		root: string,
		of: (path: string) => boolean,
		load: (root: string) => Promise<T>,
	): Promise<T> {
		const files = [...image].filter(([path]) => of(path)).sort(([a], [b]) => (a < b ? -1 : 1));
		const hash = createHash("sha256").update(load.name);
		for (const [path, { content, mode }] of files)
			hash.update(`\0${path}\0${mode}\0${content.length}\0`).update(content);
		const key = hash.digest("hex");
		const known =
			this.#known.get(key) ?? this.#load(files, root, join(this.#scratch.path, key), load);
		this.#known.set(key, known);
		return (await known) as T;
	}

	remove(): void {
		this.#scratch.remove();
	}

	async #load<T>(
		files: readonly (readonly [string, File])[],
		root: string,
		place: string,
		load: (root: string) => Promise<T>,
	): Promise<T> {
		mkdirSync(place, { mode: 0o700 });
		for (const [path, { content, mode }] of files) {
			const file = join(place, path.slice(root.length));
			mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
			writeFileSync(file, content);
			chmodSync(file, mode);
		}
		try {
			return await load(place);
		} finally {
			rmSync(place, { recursive: true });
		}
	}
}
