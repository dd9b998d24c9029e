/** No honest run comes near it. */
const MOST = 100_000;

/** What happens when: a queue of things to do, by virtual time and then in the order they were put in. */
export class Timeline {
	now: number;
	readonly #most: number;
	#order = 0;
	readonly #heap: { at: number; order: number; run: () => void }[] = [];

	/** @param most things to do, beyond which the run is at fault */
	constructor(start: number, most = MOST) {
		this.now = start;
		this.#most = most;
	}

	/** @param delay virtual ms from now */
	after(delay: number, run: () => void): void {
		const at = this.now + Math.max(0, delay);
		this.#push({ at, order: this.#order++, run });
	}

	/** Things done so far: a run that never rests is a fault of its own. */
	done = 0;

	/** When the next thing is due; infinity if nothing is. */
	get nextAt(): number {
		return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
	}

	/** Runs everything due up to `end`, then stands there. */
	runUntil(end: number): void {
		while (this.nextAt <= end) this.step();
		this.now = end;
	}

	/** Runs the next thing that is due. */
	step(): void {
		const next = this.#heap[0];
		if (next === undefined) return;
		this.#pop();
		this.now = next.at;
		this.done += 1;
		if (this.done > this.#most) throw new Error("the run never rests");
		next.run();
	}

	#push(item: { at: number; order: number; run: () => void }): void {
		const heap = this.#heap;
		let index = heap.push(item) - 1;
		while (index > 0) {
			const parent = (index - 1) >> 1;
			if (!earlier(heap[index], heap[parent])) return;
			swap(heap, index, parent);
			index = parent;
		}
	}

	#pop(): void {
		const heap = this.#heap;
		const last = heap.pop();
		if (last === undefined || heap.length === 0) return;
		heap[0] = last;
		let index = 0;
		for (;;) {
			const left = 2 * index + 1;
			let least = index;
			if (earlier(heap[left], heap[least])) least = left;
			if (earlier(heap[left + 1], heap[least])) least = left + 1;
			if (least === index) return;
			swap(heap, index, least);
			index = least;
		}
	}
}

interface Due {
	at: number;
	order: number;
}

function earlier(a: Due | undefined, b: Due | undefined): boolean {
	if (a === undefined || b === undefined) return false;
	return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function swap<T>(list: T[], a: number, b: number): void {
	const kept = list[a] as T;
	list[a] = list[b] as T;
	list[b] = kept;
}
