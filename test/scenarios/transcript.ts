/**
 * Stories as text. `==` begins a story, with nothing known and the clock at 0. A line at the margin is
 * a command, a line indented by two spaces is what the real decision then asked for, `#` begins a
 * comment. Running a transcript writes it anew with the lines that the code gives now; a test compares.
 *
 * A command may begin with `at 2h`, an instant counted from the story's beginning, or `after 5m`. Times
 * go backwards where a clock does.
 */

/** One side of the story: takes a command at an instant and gives the lines of what it asks for. */
export interface Actor {
	/** @param now ms since the story's beginning */
	act(command: Words, now: number): Acted;
}

export interface Acted {
	readonly lines: readonly string[];
	/** The instant at which the command ended, if it let time pass. */
	readonly now?: number;
}

/** One change of a durable record. */
export interface Persisted<R> {
	readonly before: R;
	readonly after: R;
}

const INDENT = "  ";

export function runTranscript(text: string, makeActor: () => Actor): string {
	let actor = makeActor();
	let now = 0;
	const written = text.split("\n").flatMap((line) => {
		if (line.startsWith(INDENT)) return [];
		if (line.startsWith("== ")) {
			actor = makeActor();
			now = 0;
			return [line];
		}
		if (line.trim() === "" || line.startsWith("#")) return [line];
		const words = new Words(line);
		if (words.take("at")) now = words.duration();
		else if (words.take("after")) now += words.duration();
		const acted = actor.act(words, now);
		words.end();
		now = acted.now ?? now;
		return [line, ...acted.lines.map((shown) => INDENT + shown)];
	});
	return written.join("\n");
}

/** The words of a command, taken one after another. A word nobody takes is a mistake in the story. */
export class Words {
	readonly #line: string;
	#words: string[];

	constructor(line: string) {
		this.#line = line;
		this.#words = line.split(/[\s,]+/).filter((word) => word !== "");
	}

	/** Takes the words if they come next. */
	take(words: string): boolean {
		const wanted = words.split(" ");
		if (!wanted.every((word, index) => this.#words[index] === word)) return false;
		this.#words = this.#words.slice(wanted.length);
		return true;
	}

	/** Takes the word that follows `key`, wherever it stands. */
	option(key: string): string | undefined {
		const at = this.#words.indexOf(key);
		const value = this.#words[at + 1];
		if (at === -1 || value === undefined) return undefined;
		this.#words.splice(at, 2);
		return value;
	}

	/** Takes every pair of `key` and the word that follows it. */
	options(key: string): string[] {
		const value = this.option(key);
		return value === undefined ? [] : [value, ...this.options(key)];
	}

	/** Takes the word, wherever it stands. */
	flag(word: string): boolean {
		const at = this.#words.indexOf(word);
		if (at !== -1) this.#words.splice(at, 1);
		return at !== -1;
	}

	next(): string {
		const word = this.#words.shift();
		if (word === undefined) throw this.mistake("a word is missing");
		return word;
	}

	/** The next word if there is one. */
	peek(): string | undefined {
		return this.#words[0];
	}

	/** `1h30m`, `-5m`, `300ms`, `0`: milliseconds. */
	duration(): number {
		return parseTime(this.next()) ?? this.fail("no duration");
	}

	end(): void {
		if (this.#words.length > 0) throw this.mistake(`nobody takes "${this.#words.join(" ")}"`);
	}

	fail(why: string): never {
		throw this.mistake(why);
	}

	mistake(why: string): Error {
		return new Error(`${why}: ${this.#line}`);
	}
}

const UNITS = [
	["d", 86_400_000],
	["h", 3_600_000],
	["m", 60_000],
	["s", 1_000],
	["ms", 1],
] as const;

export function parseTime(text: string): number | undefined {
	const match = /^(-?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
	if (text === "0") return 0;
	if (match === null || text === "" || text === "-") return undefined;
	const ms = UNITS.reduce((sum, [, size], index) => sum + Number(match[index + 2] ?? 0) * size, 0);
	return match[1] === "-" ? -ms : ms;
}

export function formatTime(ms: number): string {
	if (!Number.isFinite(ms)) return "never";
	if (ms < 0) return `-${formatTime(-ms)}`;
	let left = Math.round(ms);
	const parts = UNITS.map(([unit, size]) => {
		const count = Math.floor(left / size);
		left -= count * size;
		return count === 0 ? "" : `${count}${unit}`;
	});
	return parts.join("") || "0";
}

/** What of the named parts is new, other or gone since before, in words. */
export function changedParts(
	before: ReadonlyMap<string, string>,
	after: ReadonlyMap<string, string>,
): string {
	const changed = [...after].filter(([key, text]) => before.get(key) !== text);
	const gone = [...before.keys()].filter((key) => !after.has(key));
	return [
		...changed.map(([key, text]) => `${key} ${text}`),
		...gone.map((key) => `no ${key}`),
	].join("; ");
}
