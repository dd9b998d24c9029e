/** What a person sees: who did what, and how long after the start. */
import { styleText } from "node:util";

export type Who = "pc" | "vps" | "consumer" | "provider";

type Style = Parameters<typeof styleText>[0];

interface Screen {
	write(text: string): unknown;
	readonly isTTY?: boolean;
}

const COLOURS: Record<Who, Style> = {
	pc: "cyan",
	vps: "green",
	consumer: "magenta",
	provider: "yellow",
};

const WIDTH = 80;
/** Columns of the time and the name, with the gaps after them. */
const [TIME, WHO] = [8, 10];
/** Nobody should wonder for longer whether it still runs, ms. */
const LONGEST_SILENCE = 1_500;

export class Timeline {
	/** How things stand, said when nothing has been said for a while. */
	pulse: () => { who: Who; text: string } | undefined = () => undefined;
	#lastWho: Who = "provider";
	#said = "";
	#saidAt = performance.now();
	readonly #start = performance.now();
	readonly #screen: Screen;
	readonly #isColoured: boolean;
	readonly #timer: NodeJS.Timeout;

	constructor(screen: Screen, env: Readonly<Record<string, string | undefined>>) {
		this.#screen = screen;
		this.#isColoured = screen.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
		this.#timer = setInterval(() => this.#beat(), 100);
	}

	/** All that was said so far. */
	get text(): string {
		return this.#said;
	}

	/** Since the start. */
	get seconds(): number {
		return Math.round((performance.now() - this.#start) / 1000);
	}

	/** Begins a part of the story. */
	act(title: string): void {
		this.print("");
		this.print(title, "bold");
	}

	/** Somebody did something. A text too long for a line goes on below. */
	say(who: Who, text: string, style?: Style): void {
		this.#lastWho = who;
		const time = `${((performance.now() - this.#start) / 1000).toFixed(1)} s`.padStart(TIME);
		const [first = "", ...more] = wrap(text, WIDTH - TIME - 2 - WHO);
		const name = this.#paint(COLOURS[who], who.padEnd(WHO));
		this.print(`${this.#paint("dim", time)}  ${name}${this.#paint(style, first)}`);
		for (const line of more) this.print(" ".repeat(TIME + 2 + WHO) + this.#paint(style, line));
	}

	/** Somebody typed this. */
	command(who: Who, line: string): void {
		this.say(who, `$ ${line}`, "bold");
	}

	/** What a command printed, as it stands. */
	output(who: Who, text: string): void {
		const lines = text.split("\n").filter((line) => line.trim() !== "");
		for (const line of lines) this.say(who, line, "dim");
	}

	print(line: string, style?: Style): void {
		this.#screen.write(`${this.#paint(style, line)}\n`);
		this.#said += `${line}\n`;
		this.#saidAt = performance.now();
	}

	close(): void {
		clearInterval(this.#timer);
	}

	#beat(): void {
		if (performance.now() - this.#saidAt < LONGEST_SILENCE) return;
		const { who, text } = this.pulse() ?? { who: this.#lastWho, text: "…" };
		this.say(who, text, "dim");
	}

	#paint(style: Style | undefined, text: string): string {
		if (style === undefined || !this.#isColoured || text === "") return text;
		// Whether to colour is settled already, for the stream that is really written to.
		return styleText(style, text, { validateStream: false });
	}
}

/** Lines of at most so many columns; a line that goes on is indented as far as its first. */
function wrap(text: string, columns: number): string[] {
	const indent = /^ */.exec(text)?.[0] ?? "";
	const lines: string[] = [];
	let line = indent;
	for (const word of text.slice(indent.length).split(" ")) {
		const isFirst = line.trim() === "";
		if (!isFirst && line.length + 1 + word.length > columns) {
			lines.push(line);
			line = `${indent}  ${word}`;
		} else line += isFirst ? word : ` ${word}`;
	}
	return [...lines, line];
}
