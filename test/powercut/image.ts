/** What a power cut may leave of a disk. */
import { type Durable, type File, fileOf, foldersAbove, type Pending, settle } from "./durable.ts";

/** Files by path. */
export type Image = ReadonlyMap<string, File>;

/** A change that is not durable, in one of the forms in which it may be found. */
type Fate = Pending | undefined;

/**
 * As many as are gone through one by one; where there would be more, each change is lost alone, and
 * survives alone, in each of its forms.
 */
const MOST = 2_048;

export function imagesOf(
	durable: Durable,
	pending: readonly Pending[],
	matters: (path: string) => boolean,
): Image[] {
	const found = new Map<string, Image>();
	const counting = pending.filter(isOfUse(durable, pending, matters));
	for (const fates of allFates(counting.map(fatesOf))) {
		const image = imageOf(durable, fates, matters);
		found.set(keyOf(image), image);
	}
	return [...found.values()];
}

/** Whatever can make no difference to the paths that matter is left out: it would double the images. */
function isOfUse(
	{ names }: Durable,
	pending: readonly Pending[],
	matters: (path: string) => boolean,
): (one: Pending) => boolean {
	const named = [
		...names,
		...pending.flatMap((one) => (one.kind === "names" ? [...one.names] : [])),
	];
	const ours = named.filter(([path]) => matters(path));
	const inodes = new Set(ours.map(([, inode]) => inode));
	const paths = new Set(ours.flatMap(([path]) => [path, ...foldersAbove(path)]));
	return (one) => {
		if (one.kind !== "names") return inodes.has(one.inode);
		return [...one.names.keys()].some((path) => paths.has(path));
	};
}

/** The first is that it survived whole, the last that it is lost. */
function fatesOf(one: Pending): Fate[] {
	if (one.kind !== "data" || one.bytes.length < 2) return [one, undefined];
	const half = one.bytes.subarray(0, one.bytes.length >> 1);
	const zeros = Buffer.alloc(one.bytes.length);
	return [one, { ...one, bytes: half }, { ...one, bytes: zeros }, undefined];
}

function allFates(forms: readonly (readonly Fate[])[]): Fate[][] {
	const count = forms.reduce((product, { length }) => product * length, 1);
	if (count > MOST) return someFates(forms);
	return forms.reduce<Fate[][]>(
		(rows, form) => rows.flatMap((row) => form.map((fate) => [...row, fate])),
		[[]],
	);
}

function someFates(forms: readonly (readonly Fate[])[]): Fate[][] {
	const all = forms.map((form) => form[0]);
	const none = forms.map(() => undefined);
	const one = (row: Fate[], index: number, fate: Fate) => row.with(index, fate);
	return [
		all,
		none,
		...forms.flatMap((form, index) =>
			form.flatMap((fate) => [one(all, index, fate), one(none, index, fate)]),
		),
	];
}

function imageOf(durable: Durable, fates: readonly Fate[], matters: (path: string) => boolean) {
	const after: Durable = {
		names: new Map(durable.names),
		data: new Map(durable.data),
		modes: new Map(durable.modes),
	};
	for (const fate of fates) if (fate !== undefined) settle(after, fate);
	const there = (folder: string): boolean => after.names.has(folder);
	const image = new Map<string, File>();
	for (const [path, inode] of after.names) {
		if (!matters(path) || !foldersAbove(path).every(there)) continue;
		image.set(path, fileOf(after, inode));
	}
	return image;
}

function keyOf(image: Image): string {
	const parts = [...image].map(
		([path, { content, mode }]) => `${path}\0${mode}\0${content.toString("latin1")}`,
	);
	return parts.sort().join("\0\0");
}
