/** What is durable of a disk, and what is yet to become so. */
import { dirname } from "node:path";

export interface Inode {
	readonly id: number;
	/** The mode it was made with. */
	readonly made: number;
	/** What a program that looks at it now sees. */
	live: Buffer;
	mode: number;
}

/** What a name stands for. */
export interface File {
	readonly content: Buffer;
	readonly mode: number;
}

/** What a folder says: which inode has which name; undefined for a name that is free. */
export type Names = ReadonlyMap<string, Inode | undefined>;

export type Pending =
	| { readonly kind: "names"; readonly until: number; readonly names: Names }
	| {
			readonly kind: "data";
			readonly until: number;
			readonly inode: Inode;
			readonly at: number;
			readonly bytes: Buffer;
	  }
	| {
			readonly kind: "cut";
			readonly until: number;
			readonly inode: Inode;
			readonly length: number;
	  }
	| { readonly kind: "mode"; readonly until: number; readonly inode: Inode; readonly mode: number };

/** What is durable: folders are names like others, with no data. */
export interface Durable {
	readonly names: Map<string, Inode>;
	readonly data: Map<Inode, Buffer>;
	/** Where they are no more what the inode was made with. */
	readonly modes: Map<Inode, number>;
}

export const EMPTY = Buffer.alloc(0);

export function fileOf({ data, modes }: Durable, inode: Inode): File {
	return { content: data.get(inode) ?? EMPTY, mode: modes.get(inode) ?? inode.made };
}

export function foldersAbove(path: string): string[] {
	const above = dirname(path);
	return above === path ? [] : [...foldersAbove(above), above];
}

/** Makes one change durable. */
export function settle({ names, data, modes }: Durable, one: Pending): void {
	if (one.kind === "names") {
		for (const [path, inode] of one.names) {
			if (inode === undefined) names.delete(path);
			else names.set(path, inode);
		}
		return;
	}
	if (one.kind === "mode") {
		modes.set(one.inode, one.mode);
		return;
	}
	const before = data.get(one.inode) ?? EMPTY;
	data.set(
		one.inode,
		one.kind === "cut" ? before.subarray(0, one.length) : written(before, one.at, one.bytes),
	);
}

export function written(before: Buffer, at: number, bytes: Buffer): Buffer {
	const whole = Buffer.alloc(Math.max(before.length, at + bytes.length));
	before.copy(whole);
	bytes.copy(whole, at);
	return whole;
}
