/** Steps of a sink taken one after another, in this process or in one that sees other mounts. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BatonError } from "@baton/core/error";
import type { Sink } from "../../packages/vps/src/sinks/sink.ts";
import { accessToken, openSink } from "./open-sink.ts";

export interface SinkSteps {
	readonly settings: Record<string, unknown>;
	readonly memory: string;
	/** The folder and the file a consumer reads. */
	readonly folder: string;
	readonly file: string;
	/** `fill` leaves no room on the disk, `free` makes some again; `read` gives the file's text. */
	readonly steps: readonly ("prove" | "look" | "fill" | "free" | "read" | `write ${string}`)[];
}

export type StepOutcome =
	| { readonly value: unknown }
	| {
			readonly failed: {
				readonly code: string;
				readonly message: string;
				readonly hint: string | undefined;
			};
	  };

export async function takeSteps(given: SinkSteps): Promise<StepOutcome[]> {
	const sink = await openSink(given);
	const outcomes: StepOutcome[] = [];
	for (const step of given.steps) outcomes.push(await outcomeOf(() => takeStep(sink, step, given)));
	return outcomes;
}

async function takeStep(
	sink: Sink,
	step: SinkSteps["steps"][number],
	{ folder, file }: SinkSteps,
): Promise<unknown> {
	switch (step) {
		case "prove":
			return await sink.prove();
		case "look":
			return await sink.look?.(accessToken("sk-one"));
		case "read":
			return readFileSync(file, "utf8");
		case "fill":
			return fill(join(folder, "filler"));
		case "free":
			return rmSync(join(folder, "filler"));
		default:
			return await sink.write(accessToken(step.slice("write ".length)));
	}
}

function fill(file: string): void {
	for (let bytes = 1024; ; ) {
		try {
			writeFileSync(file, "x".repeat(bytes), { flag: "a" });
		} catch (error) {
			if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
			if (bytes === 1) return;
			bytes = 1;
		}
	}
}

async function outcomeOf(step: () => Promise<unknown>): Promise<StepOutcome> {
	try {
		return { value: (await step()) ?? null };
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		const { code, message, hint } = error;
		return { failed: { code, message, hint } };
	}
}
