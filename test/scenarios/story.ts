/** A story made by chance, told in the words of the transcripts, so that one that fails can be read. */

import { type Acted, type Actor, formatTime, Words } from "./transcript.ts";

export class Story<A extends Actor & { readonly effects: readonly unknown[] }> {
	readonly actor: A;
	readonly told: string[] = [];
	/** Ms since the beginning. */
	now = 0;

	constructor(actor: A, opening: readonly string[]) {
		this.actor = actor;
		for (const line of opening) this.say(line, 0);
	}

	/** @returns what the command made the actor ask for */
	say(line: string, after: number): A["effects"] {
		this.now += after;
		const sofar = this.actor.effects.length;
		const { lines, now = this.now }: Acted = this.actor.act(new Words(line), this.now);
		this.now = now;
		this.told.push(`at ${formatTime(this.now)} ${line}`, ...lines.map((shown) => `  ${shown}`));
		return this.actor.effects.slice(sofar);
	}

	/** Plays every move; if a check fails, the story so far is part of the message. */
	tell<M>(moves: readonly M[], play: (move: M) => void): this {
		for (const move of moves) {
			try {
				play(move);
			} catch (error) {
				throw new Error(`${(error as Error).message}\n\n${this.told.join("\n")}`);
			}
		}
		return this;
	}
}
