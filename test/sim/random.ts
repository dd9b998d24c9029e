/** A small seeded generator (mulberry32): the same seed gives the same run on every machine. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
	}

	/** From 0 up to, not including, 1. */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
	}

	chance(probability: number): boolean {
		return probability > 0 && this.next() < probability;
	}

	between(low: number, high: number): number {
		return low + this.next() * (high - low);
	}

	pick<T>(choices: readonly [T, ...T[]]): T {
		return choices[Math.floor(this.next() * choices.length)] ?? choices[0];
	}

	/** As many hex digits as asked for. */
	hex(digits: number): string {
		let text = "";
		while (text.length < digits) text += Math.floor(this.next() * 16).toString(16);
		return text;
	}
}
