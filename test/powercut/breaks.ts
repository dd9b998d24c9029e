/**
 * Faults that a program could have, made in what was recorded of one that has none: each has to be
 * seen, or the power cuts prove nothing.
 */
import { dirname } from "node:path";
import type { DiskEvent } from "./disk-event.ts";
import type { Machine } from "./machine.ts";
import type { Film, Verdict } from "./powercut.ts";
import type { Spoken } from "./spoken.ts";

export interface Break {
	readonly name: string;
	/** What must show it. */
	readonly seenAs: "lost" | "unreadable" | "orderFaults" | "exposed";
	breaks(film: Film): Film;
}

type Events = readonly DiskEvent[];

export const BREAKS: readonly Break[] = [
	{
		name: "no file is synced",
		seenAs: "unreadable",
		breaks: onDisks((events, isFolder) =>
			events.filter(({ kind, path }) => kind !== "sync" || isFolder(path)),
		),
	},
	{
		name: "no folder is synced",
		seenAs: "lost",
		breaks: onDisks((events, isFolder) =>
			events.filter(({ kind, path }) => kind !== "sync" || !isFolder(path)),
		),
	},
	{
		name: "a file is renamed, then synced",
		seenAs: "unreadable",
		breaks: onDisks((events) => renamedFirst(events)),
	},
	{
		name: "files are made for everybody to read",
		seenAs: "exposed",
		breaks: onDisks((events) =>
			events.map((event) => (event.kind === "create" ? { ...event, mode: 0o644 } : event)),
		),
	},
	{
		name: "escrow is erased when the login is delivered, without waiting for the claim",
		seenAs: "lost",
		breaks: (film) => {
			const heard = momentOf(film, "from-device", "deliver");
			return { ...film, pc: moved(film.pc, isErasure, heard - 10) };
		},
	},
	{
		name: "the store is disarmed before the escrow is written",
		seenAs: "lost",
		breaks: (film) => {
			const written = film.pc.events.find(
				({ kind, path }) => kind === "create" && /secret/.test(path),
			);
			return { ...film, pc: moved(film.pc, isDisarming, (written?.from ?? 0) - 10) };
		},
	},
	{
		name: "the claim is told before it is saved",
		seenAs: "orderFaults",
		breaks: (film) => said(film, "to-device", "claimed", momentOf(film, "spent", "") + 1),
	},
	{
		name: "an access token is published before it is saved",
		seenAs: "orderFaults",
		breaks: (film) => said(film, "published", undefined, momentOf(film, "spent", "") + 1),
	},
	{
		name: "a refresh token is spent before the intent is saved",
		seenAs: "orderFaults",
		breaks: (film) => said(film, "spent", "", momentOf(film, "from-device", "deliver") + 1),
	},
];

/** Which of the faults stay unseen, by name. */
export async function unseen(
	film: Film,
	examine: (film: Film) => Promise<Verdict>,
): Promise<string[]> {
	const missed: string[] = [];
	for (const { name, seenAs, breaks } of BREAKS) {
		if ((await examine(breaks(film)))[seenAs] === 0) missed.push(name);
	}
	return missed;
}

function onDisks(
	change: (events: Events, isFolder: (path: string) => boolean) => DiskEvent[],
): Break["breaks"] {
	const of = <F>(machine: Machine<F>): Machine<F> => {
		const made = machine.events.flatMap(({ kind, path }) => (kind === "folder" ? path : []));
		const isFolder = (path: string) =>
			made.includes(path) || (machine.before.has(path) && machine.before.get(path) === undefined);
		return { ...machine, events: change(machine.events, isFolder) };
	};
	return (film) => ({ ...film, pc: of(film.pc), vps: of(film.vps) });
}

/** The same calls, the last two in the other order. */
function renamedFirst(events: Events): DiskEvent[] {
	const renames = events.flatMap((event) => (event.kind === "rename" ? event : []));
	const next = ({ path, from }: DiskEvent) =>
		renames.find((rename) => rename.path === path && rename.from >= from);
	return events.map((event) => {
		if (event.kind === "sync") return { ...event, path: next(event)?.to ?? event.path };
		if (event.kind !== "rename") return event;
		const syncs = events.filter(({ kind, path }) => kind === "sync" && path === event.path);
		const sync = syncs.findLast(({ from }) => from <= event.from);
		return sync === undefined ? event : { ...event, from: sync.from - 2, until: sync.from - 1 };
	});
}

function isErasure({ kind, path }: DiskEvent): boolean {
	return kind === "remove" && path.endsWith(".secret");
}

function isDisarming({ kind, path }: DiskEvent): boolean {
	return kind === "remove" && path.endsWith("/.credentials.json");
}

/** Done at another time, and durable at once. */
function moved<F>(machine: Machine<F>, is: (event: DiskEvent) => boolean, at: number): Machine<F> {
	const events = machine.events.flatMap((event): DiskEvent[] => {
		if (!is(event)) return [event];
		const sync = { kind: "sync", path: dirname(event.path), from: at + 2, until: at + 3 } as const;
		return [{ ...event, from: at, until: at + 1 }, sync];
	});
	return { ...machine, events };
}

function momentOf({ spoken }: Film, kind: Spoken["kind"], what: string): number {
	const found = spoken.find((one) => one.kind === kind && one.what === what);
	if (found === undefined) throw new Error(`nobody was heard to say ${what} ${kind}`);
	return found.at;
}

function said(film: Film, kind: Spoken["kind"], what: string | undefined, at: number): Film {
	const first = film.spoken.find(
		(one) => one.kind === kind && (what === undefined || one.what === what),
	);
	const spoken = film.spoken.map((one) => (one === first ? { ...one, at } : one));
	return { ...film, spoken };
}
