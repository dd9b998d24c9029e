/** One machine's disk through time: after each event, what a power cut would leave of it. */
import { relative } from "node:path";
import { readCredentials } from "@baton/core/credentials-file";
import { Disk } from "./disk.ts";
import { type DiskEvent, isTemporary, targetOf } from "./disk-event.ts";
import type { File } from "./durable.ts";
import type { Image } from "./image.ts";
import type { LaidOut } from "./laid-out.ts";

/** Of what was there before anything was recorded. µs */
export const BEFORE_ALL = 0;

/** The time from one event to the next. */
export interface Prefix<F> {
	/** µs since 1970; until the next prefix begins. */
	readonly from: number;
	/** What each possible image reads as; alike ones once. */
	readonly facts: readonly F[];
	/** How many images there are. */
	readonly images: number;
	/** State files in them that were neither the old nor the new one, or could not be read. */
	readonly unreadable: readonly string[];
}

/** A login that came into, or left, one of the files looked at. */
export interface Turn {
	readonly at: number;
	readonly kind: "armed" | "disarmed" | "erased";
	readonly fp: string;
}

export interface Life<F> {
	readonly prefixes: readonly Prefix<F>[];
	readonly turns: readonly Turn[];
	/** Files that somebody else could have read, and what was left on the way to its name. */
	readonly exposed: readonly string[];
}

export interface Machine<F> {
	readonly root: string;
	/** Before the first event, by path; undefined for a folder. */
	readonly before: ReadonlyMap<string, File | undefined>;
	readonly events: readonly DiskEvent[];
	/** @param path below the root */
	isState(path: string): boolean;
	/** claude's own files, by their path below the root. */
	readonly stores: readonly string[];
	/** Of files that others than their owner may read, by their path below the root. */
	readonly modes: ReadonlyMap<string, number>;
	read(image: Image, root: string, laid: LaidOut): Promise<F>;
}

/** In the order in which they count: a sync once it is over, anything else from its beginning. */
function inOrder(events: readonly DiskEvent[]): DiskEvent[] {
	return [...events].sort((a, b) => instantOf(a) - instantOf(b));
}

function instantOf({ kind, from, until }: DiskEvent): number {
	return kind === "sync" ? until : from;
}

export async function liveThrough<F extends { readonly unreadable: readonly string[] }>(
	machine: Machine<F>,
	laid: LaidOut,
): Promise<Life<F>> {
	const { root, stores } = machine;
	const disk = new Disk(machine.before);
	const below = (path: string) => relative(root, path);
	const prefixes = [await prefixOf(machine, disk, BEFORE_ALL, laid)];
	const turns: Turn[] = [];
	for (const event of inOrder(machine.events)) {
		const before = stores.map((store) => loginIn(disk.read(`${root}/${store}`)));
		disk.apply(event);
		const after = stores.map((store) => loginIn(disk.read(`${root}/${store}`)));
		if (event.kind !== "given") turns.push(...turnsOf(event, before, after));
		prefixes.push(await prefixOf(machine, disk, instantOf(event), laid));
	}
	const wide = machine.events.flatMap((event) => {
		const file = below(targetOf(event.path));
		return isWide(event, machine.modes.get(file) ?? 0) ? file : [];
	});
	const left = disk.paths().filter(isTemporary).map(below);
	return { prefixes, turns, exposed: [...new Set([...wide, ...left])] };
}

async function prefixOf<F extends { readonly unreadable: readonly string[] }>(
	{ root, isState, read }: Machine<F>,
	disk: Disk,
	from: number,
	laid: LaidOut,
): Promise<Prefix<F>> {
	const matters = (path: string) => isState(relative(root, path));
	const isWhole = (path: string) => matters(path) && !isTemporary(path);
	const images = disk.images(matters);
	const facts = new Map<string, F>();
	const unreadable: string[] = [];
	for (const image of images) {
		const fact = await read(image, root, laid);
		facts.set(JSON.stringify(fact), fact);
		const paths = new Set([...image.keys(), ...disk.paths()].filter(isWhole));
		const torn = [...paths].filter((path) => !disk.mayShow(path, image.get(path)));
		unreadable.push(...fact.unreadable, ...torn.map((path) => relative(root, path)));
	}
	return { from, facts: [...facts.values()], images: images.length, unreadable };
}

function loginIn(content: Buffer | undefined): string | undefined {
	const reading = readCredentials(content?.toString("utf8"));
	return reading.kind === "login" ? reading.fp : undefined;
}

function turnsOf(
	event: DiskEvent,
	before: readonly (string | undefined)[],
	after: readonly (string | undefined)[],
): Turn[] {
	const at = event.from;
	const erased =
		event.kind === "remove" ? /\/([0-9a-f]{64})\.secret$/.exec(event.path)?.[1] : undefined;
	const turns: Turn[] = erased === undefined ? [] : [{ at, kind: "erased", fp: erased }];
	before.forEach((old, index) => {
		const now = after[index];
		if (old === now) return;
		if (old !== undefined) turns.push({ at, kind: "disarmed", fp: old });
		if (now !== undefined) turns.push({ at, kind: "armed", fp: now });
	});
	return turns;
}

/** Made, or made so, that others than its owner could do more with it than they may. */
function isWide(event: DiskEvent, allowed: number): boolean {
	const { kind } = event;
	return (kind === "create" || kind === "mode") && (event.mode & 0o077 & ~allowed) !== 0;
}
