/**
 * A value that must not leave its place. Its string, JSON and inspect forms say `[secret]`, so a
 * secret that slips into a log, an error or a template shows nothing.
 */
export class Secret {
	readonly #value: string;

	constructor(value: string) {
		this.#value = value;
	}

	/** The value itself. Call it only where the value is used: a request, a secret file, a comparison. */
	reveal(): string {
		return this.#value;
	}

	equals(other: Secret): boolean {
		return this.#value === other.#value;
	}

	toString(): string {
		return "[secret]";
	}

	toJSON(): string {
		return "[secret]";
	}

	/** What Node's `util.inspect` and so `console.log` and crash output print. */
	[Symbol.for("nodejs.util.inspect.custom")](): string {
		return "[secret]";
	}
}
