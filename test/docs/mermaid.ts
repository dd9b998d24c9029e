/** What the mermaid diagrams of a page say: the transitions of one, or the messages of another. */

import { NOWHERE, transition } from "./transitions.ts";

export interface StateDiagram {
	readonly kind: "states";
	readonly states: readonly string[];
	/** Each drawn once, as `from --> to`. */
	readonly transitions: readonly string[];
}

export interface SequenceDiagram {
	readonly kind: "sequence";
	readonly messages: readonly Message[];
}

export interface Message {
	readonly from: string;
	readonly to: string;
	readonly text: string;
}

/** @throws if a line is none that GitHub would draw */
export function readDiagram(text: string): StateDiagram | SequenceDiagram {
	const [first = "", ...lines] = text.split("\n").map((line) => line.trim());
	if (first === "stateDiagram-v2") return readStates(lines);
	if (first === "sequenceDiagram") return readSequence(lines);
	throw new Error(`no diagram: ${first}`);
}

const STATE = /^state "([\w-]+)" as (\w+)$/;
/** Mermaid takes no dash in a state's name, and no colon or semicolon in what stands at an arrow. */
const ARROW = /^(\[\*\]|\w+) --> (\[\*\]|\w+): [^:;#]+$/;

function readStates(lines: readonly string[]): StateDiagram {
	const names = new Map<string, string>();
	const transitions: string[] = [];
	for (const line of lines) {
		const [, name, alias] = STATE.exec(line) ?? [];
		if (name !== undefined && alias !== undefined) {
			names.set(alias, name);
			continue;
		}
		const [, from, to] = ARROW.exec(line) ?? [];
		if (from === undefined || to === undefined) throw new Error(`not understood: ${line}`);
		transitions.push(transition(names.get(from) ?? from, names.get(to) ?? to));
	}
	const twice = transitions.filter((one, index) => transitions.indexOf(one) !== index);
	if (twice.length > 0) throw new Error(`drawn twice: ${twice.join(", ")}`);
	const states = new Set(transitions.flatMap((one) => one.split(" --> ")));
	states.delete(NOWHERE);
	return { kind: "states", states: [...states], transitions };
}

const MESSAGE = /^(\w+)-?->>(\w+): ([^:;#]+)$/;

function readSequence(lines: readonly string[]): SequenceDiagram {
	const messages = lines.flatMap((line): Message[] => {
		if (/^(participant \w+( as [\w ]+)?|Note over \w+(,\w+)?: [^:;#]+)$/.test(line)) return [];
		const [, from, to, text] = MESSAGE.exec(line) ?? [];
		if (from === undefined || to === undefined || text === undefined)
			throw new Error(`not understood: ${line}`);
		return [{ from, to, text }];
	});
	return { kind: "sequence", messages };
}
