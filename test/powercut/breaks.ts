/**
 * Faults that a program could have, made in what was recorded of one that has none: each has to be
 * seen, or the power cuts prove nothing.
 */
import { dirname, join, relative } from "node:path";
import { type DiskEvent, targetOf } from "./disk-event.ts";
import type { Machine } from "./machine.ts";
import type { Film, Verdict } from "./powercut.ts";
import type { StoryKey } from "./record.ts";
import type { Spoken } from "./spoken.ts";
import { MEMORY } from "./vps-image.ts";

export interface Break {
	readonly name: string;
	/** In which story. */
	readonly story: StoryKey;
	/** What must show it. */
	readonly seenAs: "lost" | "doubled" | "unreadable" | "orderFaults" | "exposed";
	breaks(film: Film): Film;
}

type Events = readonly DiskEvent[];

const IN_HAND_OVER: readonly Omit<Break, "story">[] = [
	{
		name: "no file is synced",
		seenAs: "unreadable",
		// What never becomes durable piles up, and multiplies what may be left.
		breaks: (film) =>
			onDisks((events, isFolder) => {
				const delivered = momentOf(film, "from-device", "deliver");
				const early = events.filter(({ from }) => from <= delivered);
				return early.filter(({ kind, path }) => kind !== "sync" || isFolder(path));
			})(film),
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
		name: "a login is delivered before its store is disarmed",
		seenAs: "doubled",
		breaks: (film) => {
			const heard = momentOf(film, "from-device", "deliver");
			return { ...film, pc: moved(film.pc, isDisarming, heard + 10) };
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

const IN_IMPORT: readonly Omit<Break, "story">[] = [
	{
		name: "a file is disarmed before its login is kept",
		seenAs: "lost",
		breaks: (film) => disarmedAt(film, momentOf(film, "from-device", "import") + 1),
	},
	{
		name: "a file is disarmed before that is noted",
		seenAs: "orderFaults",
		breaks: (film) => disarmedAt(film, momentOf(film, "to-device", "staged") + 1),
	},
	{
		name: "a file is disarmed after the claim",
		seenAs: "orderFaults",
		breaks: (film) => disarmedAt(film, momentOf(film, "spent", "") + 1),
	},
	{
		name: "a file is noted as disarmed, and claimed, with its folder not synced",
		seenAs: "doubled",
		breaks: (film) => {
			const folders = film.recording.sources.map((file) => dirname(join(film.vps.root, file)));
			const events = film.vps.events.filter(
				({ kind, path }) => kind !== "sync" || !folders.includes(path),
			);
			return { ...film, vps: { ...film.vps, events } };
		},
	},
];

const IN_SINKS: readonly Omit<Break, "story">[] = [
	{
		name: "a sink's file is written in place",
		seenAs: "unreadable",
		breaks: onKeptFiles((event) => {
			if (event.kind === "rename") return [];
			const inPlace = { ...event, path: targetOf(event.path) };
			return [inPlace.kind === "create" ? { ...inPlace, cuts: true } : inPlace];
		}),
	},
	{
		name: "a sink's file is not given its mode",
		seenAs: "unreadable",
		breaks: onKeptFiles((event) => (event.kind === "mode" ? [] : [event])),
	},
	{
		name: "a sink's file is written before that is noted",
		seenAs: "unreadable",
		breaks: (film) => {
			const { events, root } = film.vps;
			const end = Math.max(...events.map(({ until }) => until));
			return { ...film, vps: rewritten(film.vps, join(root, MEMORY), end + 10) };
		},
	},
	{
		name: "a command is given an access token before it is saved",
		seenAs: "orderFaults",
		breaks: (film) => said(film, "given to a command", undefined, momentOf(film, "spent", "") + 1),
	},
];

export const BREAKS: readonly Break[] = [
	...IN_HAND_OVER.map((one) => ({ ...one, story: "hand-over" as const })),
	...IN_IMPORT.map((one) => ({ ...one, story: "import" as const })),
	...IN_SINKS.map((one) => ({ ...one, story: "sinks" as const })),
];

/** Which of these faults stay unseen, by name. */
export async function unseen(
	these: readonly Break[],
	film: Film,
	examine: (film: Film) => Promise<Verdict>,
): Promise<string[]> {
	const missed: string[] = [];
	for (const { name, seenAs, breaks } of these) {
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

/** In the writes of the files that sinks keep for others. */
function onKeptFiles(change: (event: DiskEvent) => DiskEvent[]): Break["breaks"] {
	return ({ vps, ...film }) => {
		const isKept = ({ path }: DiskEvent) => vps.modes.has(relative(vps.root, targetOf(path)));
		const events = vps.events.flatMap((event) => (isKept(event) ? change(event) : [event]));
		return { ...film, vps: { ...vps, events } };
	};
}

/** The imported file's first write, its disarm, done at another time. */
function disarmedAt(film: Film, at: number): Film {
	const [source = ""] = film.recording.sources;
	const file = join(film.vps.root, source);
	const first = film.vps.events.find((event) => event.kind === "rename" && event.to === file);
	return { ...film, vps: rewritten(film.vps, file, at, first) };
}

/** All writes of a file, or one of them, done at another time, whole, in order, and durable at once. */
function rewritten<F>(machine: Machine<F>, file: string, at: number, only?: DiskEvent): Machine<F> {
	const renames = machine.events.filter((event) => event.kind === "rename" && event.to === file);
	const paths = (only === undefined ? renames : [only]).map(({ path }) => path);
	if (paths.length === 0) throw new Error(`nobody was seen to write ${file}`);
	const theirs = machine.events.filter(({ path }) => paths.includes(path));
	const begun = [...theirs].sort((a, b) => a.from - b.from);
	const last = { kind: "sync", path: dirname(file), from: 0, until: 0 } as const;
	const later = [...begun, last].map((event, index) => {
		return { ...event, from: at + 2 * index, until: at + 2 * index + 1 };
	});
	const others = machine.events.filter((event) => !theirs.includes(event));
	return { ...machine, events: [...others, ...later] };
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
