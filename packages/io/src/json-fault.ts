/** Where a text stops being JSON. Node's own error does not always say, and quotes the text. */

export interface Place {
	/** From 1. */
	line: number;
	/** From 1, in UTF-16 units, as editors count. */
	column: number;
}

const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;
const SPACE = /[ \t\r\n]*/y;

/** Deeper than this counts as a fault, so that no text can exhaust the stack. */
const MAX_DEPTH = 500;

/** The first token at which no JSON text can go on; undefined if the text is JSON (RFC 8259). */
export function jsonFault(text: string): Place | undefined {
	const cursor = new Cursor(text);
	if (cursor.value() && cursor.isAtEnd()) return undefined;
	const before = text.slice(0, cursor.at).split("\n");
	return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Each method says whether what it names stands next, and then moves past it. */
class Cursor {
	at = 0;
	readonly #text: string;
	#depth = 0;

	constructor(text: string) {
		this.#text = text;
	}

	value(): boolean {
		this.#match(SPACE);
		if (this.#text[this.at] === "{") return this.#list("}", () => this.#member());
		if (this.#text[this.at] === "[") return this.#list("]", () => this.value());
		return this.#match(STRING) || this.#match(SCALAR);
	}

	isAtEnd(): boolean {
		this.#match(SPACE);
		return this.at === this.#text.length;
	}

	#list(close: string, item: () => boolean): boolean {
		if (++this.#depth > MAX_DEPTH) return false;
		this.at++;
		if (!this.#sign(close)) {
			do {
				if (!item()) return false;
			} while (this.#sign(","));
			if (!this.#sign(close)) return false;
		}
		this.#depth--;
		return true;
	}

	#member(): boolean {
		this.#match(SPACE);
		return this.#match(STRING) && this.#sign(":") && this.value();
	}

	#sign(sign: string): boolean {
		this.#match(SPACE);
		if (this.#text[this.at] !== sign) return false;
		this.at++;
		return true;
	}

	#match(pattern: RegExp): boolean {
		pattern.lastIndex = this.at;
		if (!pattern.test(this.#text)) return false;
		this.at = pattern.lastIndex;
		return true;
	}
}
