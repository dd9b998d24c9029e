/** A program's end by `kill -9` at an exact moment: one call of its own that changes one path. */

export interface Death {
	/** How the path is changed: `rename` to it, `unlink` of it; of a lock `mkdirSync`, `renameSync` away. */
	readonly call: "rename" | "unlink" | "mkdirSync" | "renameSync";
	/** As the program itself names it. */
	readonly path: string;
	readonly moment: "before" | "after";
	/** Not before this path exists. */
	readonly once?: string;
}

const PRELOAD = new URL("./die-at.mjs", import.meta.url).href;

/** The environment in which a Node program dies so. */
export function dying(death: Death): Record<string, string> {
	return { NODE_OPTIONS: `--import=${PRELOAD}`, DIE_AT: JSON.stringify(death) };
}
