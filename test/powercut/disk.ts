/**
 * A disk that has what was made durable, and of the rest whatever it likes.
 *
 * A file's data are durable by a sync of that file, a name by a sync of its folder, and neither brings
 * the other along. What is not durable may have survived or not, each change for itself and out of
 * order; of a write also the first half, or its length without its data.
 */
import { dirname } from "node:path";
import type { DiskEvent } from "./disk-event.ts";
import {
	type Durable,
	EMPTY,
	type File,
	foldersAbove,
	type Inode,
	type Names,
	type Pending,
	settle,
	written,
} from "./durable.ts";
import { type Image, imagesOf } from "./image.ts";

const FOLDER: File = { content: EMPTY, mode: 0o700 };
/** As claude makes its files. */
const GIVEN_MODE = 0o600;

export class Disk {
	readonly #durable: Durable = { names: new Map(), data: new Map(), modes: new Map() };
	readonly #live = new Map<string, Inode>();
	#pending: Pending[] = [];
	/** What each name stands for durably, as it was meant: whole. */
	readonly #whole = new Map<string, File | undefined>();
	/** What it stood for since, whole: with the one before the only things it may show. */
	readonly #shown = new Map<string, { file: File | undefined; by: Pending }[]>();
	#lastId = 0;

	/** @param files there before, by path; durable. An undefined one is a folder. */
	constructor(files: ReadonlyMap<string, File | undefined>) {
		for (const [path, file] of files) this.#give(path, file ?? FOLDER);
	}

	apply(event: DiskEvent): void {
		const { path, until } = event;
		switch (event.kind) {
			case "create":
				return this.#create(path, event, until);
			case "folder":
				return this.#name(new Map([[path, this.#inode(event.mode)]]), until);
			case "rename":
				return this.#move(path, event.to, until);
			case "link":
				return this.#name(new Map([[event.to, this.#live.get(path)]]), until);
			case "remove":
				return this.#remove(path, until);
			case "write":
				return this.#write(path, event.at, event.bytes, until);
			case "cut":
				return this.#cut(path, event.length, until);
			case "sync":
				return this.#sync(path, event.from);
			case "given":
				return this.#give(path, { content: event.bytes, mode: GIVEN_MODE });
			case "mode":
				return this.#setMode(path, event.mode, until);
		}
	}

	/** What a program sees now. */
	read(path: string): Buffer | undefined {
		return this.#live.get(path)?.live;
	}

	/** Names that programs see now. */
	paths(): string[] {
		return [...this.#live.keys()];
	}

	/** What a power cut at this moment may leave, each possibility once. @param matters which paths */
	images(matters: (path: string) => boolean): Image[] {
		return imagesOf(this.#durable, this.#pending, matters);
	}

	/** Whether a name shows something whole: what was durable, or what was given this name since. */
	mayShow(path: string, file: File | undefined): boolean {
		const since = (this.#shown.get(path) ?? []).map((shown) => shown.file);
		return [this.#whole.get(path), ...since].some((whole) => isSame(whole, file));
	}

	#inode(mode: number, live: Buffer = EMPTY): Inode {
		this.#lastId += 1;
		return { id: this.#lastId, made: mode, mode, live };
	}

	#create(path: string, { mode, cuts }: { mode: number; cuts: boolean }, until: number): void {
		if (!this.#live.has(path)) return this.#name(new Map([[path, this.#inode(mode)]]), until);
		if (cuts) this.#cut(path, 0, until);
	}

	/** In place it is a whole change of what a name shows, unlike a write. */
	#setMode(path: string, mode: number, until: number): void {
		const inode = this.#live.get(path);
		if (inode === undefined || inode.mode === mode) return;
		inode.mode = mode;
		const pending: Pending = { kind: "mode", inode, mode, until };
		this.#pending.push(pending);
		this.#show(path, inode, pending);
	}

	#show(path: string, inode: Inode | undefined, by: Pending): void {
		const shown = this.#shown.get(path) ?? [];
		shown.push({ file: inode && { content: inode.live, mode: inode.mode }, by });
		this.#shown.set(path, shown);
	}

	#move(path: string, to: string, until: number): void {
		const inode = this.#live.get(path);
		if (inode === undefined) throw new Error(`nobody was seen to make ${path}`);
		const changes: [string, Inode | undefined][] = [
			[path, undefined],
			[to, inode],
		];
		this.#name(new Map(changes), until);
	}

	/** A name that is not modelled, such as that of a socket, was not there. */
	#remove(path: string, until: number): void {
		if (this.#live.has(path)) this.#name(new Map([[path, undefined]]), until);
	}

	#name(names: Names, until: number): void {
		const pending: Pending = { kind: "names", names, until };
		this.#pending.push(pending);
		for (const [path, inode] of names) {
			if (inode === undefined) this.#live.delete(path);
			else this.#live.set(path, inode);
			this.#show(path, inode, pending);
		}
	}

	#write(path: string, at: number, bytes: Buffer, until: number): void {
		const inode = this.#live.get(path);
		if (inode === undefined) throw new Error(`nobody was seen to make ${path}`);
		inode.live = written(inode.live, at, bytes);
		this.#pending.push({ kind: "data", inode, at, bytes, until });
	}

	#cut(path: string, length: number, until: number): void {
		const inode = this.#live.get(path);
		if (inode === undefined) return;
		inode.live = inode.live.subarray(0, length);
		this.#pending.push({ kind: "cut", inode, length, until });
	}

	/** What was over when it began: of a file its data, of a folder the names in it. */
	#sync(path: string, from: number): void {
		const inode = this.#live.get(path);
		const isDone = (one: Pending) => {
			if (one.until > from) return false;
			if (one.kind !== "names") return one.inode === inode;
			return [...one.names.keys()].every((name) => dirname(name) === path);
		};
		const done = this.#pending.filter(isDone);
		this.#pending = this.#pending.filter((one) => !done.includes(one));
		for (const one of done) {
			settle(this.#durable, one);
			this.#settleShown(one);
		}
	}

	/** A mode is that of the name only if the name is durable too. */
	#settleShown(one: Pending): void {
		const { names } = this.#durable;
		for (const [name, shown] of this.#shown) {
			const settled = shown.findLast(({ by }) => by === one);
			if (settled === undefined) continue;
			this.#shown.set(
				name,
				shown.filter(({ by }) => by !== one),
			);
			if (one.kind === "names" || names.get(name) === one.inode)
				this.#whole.set(name, settled.file);
		}
	}

	/** Whatever had this name before is gone for good. */
	#give(path: string, { content, mode }: File): void {
		for (const folder of foldersAbove(path)) {
			const inode = this.#live.get(folder) ?? this.#inode(FOLDER.mode);
			this.#live.set(folder, inode);
			this.#durable.names.set(folder, inode);
		}
		this.#pending = this.#pending.filter(
			(one) => one.kind !== "names" || ![...one.names.keys()].includes(path),
		);
		const inode = this.#inode(mode, content);
		this.#live.set(path, inode);
		this.#shown.delete(path);
		this.#durable.names.set(path, inode);
		this.#durable.data.set(inode, content);
		this.#whole.set(path, { content, mode });
	}
}

function isSame(a: File | undefined, b: File | undefined): boolean {
	if (a === undefined || b === undefined) return a === b;
	return a.mode === b.mode && a.content.equals(b.content);
}
