import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { heedInterrupts } from "./interrupts.ts";

function heeded() {
	const source = new EventEmitter();
	let exits = 0;
	const interrupts = heedInterrupts(source, "why", () => {
		exits += 1;
	});
	return { ...interrupts, source, exits: () => exits };
}

test("the first signal asks for a clean end, the second does not wait for it", () => {
	const { source, signal, exits } = heeded();
	source.emit("SIGINT");
	expect([signal.aborted, signal.reason, exits()]).toEqual([true, "why", 0]);
	source.emit("SIGTERM");
	expect(exits()).toBe(1);
});

test("while the terminal is lent every signal is the borrower's to judge, however many come", async () => {
	const { source, signal, exits, lend } = heeded();
	const heard: string[] = [];
	const result = await lend(
		(name) => heard.push(name),
		async () => {
			for (const name of ["SIGINT", "SIGINT", "SIGHUP"]) source.emit(name);
			return "done";
		},
	);
	expect([result, heard]).toEqual(["done", ["SIGINT", "SIGINT", "SIGHUP"]]);
	expect([signal.aborted, exits()]).toEqual([false, 0]);
	source.emit("SIGINT");
	expect(signal.aborted).toBe(true);
});
