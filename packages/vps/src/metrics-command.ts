/** `batond metrics`: the service's figures, as Prometheus and its textfile collector read them, or as JSON. */

import { EXIT } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import type { MetricsAnswer } from "./control-message.ts";
import { jsonLine, type Said } from "./said.ts";

export interface MetricsOptions {
	readonly stateFolder: string;
	readonly json: boolean;
	readonly clock: Clock;
}

/** Changes nothing. @throws BatonError `service-unavailable` */
export async function metrics({ stateFolder, json, clock }: MetricsOptions): Promise<Said> {
	const answer = await askService(stateFolder, { v: 1, type: "metrics" }, clock);
	const { text } = answer as MetricsAnswer;
	const stdout = json ? jsonLine({ ok: true, metrics: figuresIn(text) }) : text;
	return { stdout, stderr: "", code: EXIT.well };
}

export interface Figure {
	readonly labels: Readonly<Record<string, string>>;
	readonly value: number;
}

const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/** By the metric's name, as its own service writes them. */
export function figuresIn(text: string): Record<string, Figure[]> {
	const figures: Record<string, Figure[]> = {};
	for (const line of text.split("\n")) {
		const [, name, given = "", value] = SAMPLE.exec(line) ?? [];
		if (name === undefined) continue;
		const labels = [...given.matchAll(LABEL)].map(([, label = "", word = ""]) => [label, word]);
		figures[name] ??= [];
		figures[name].push({ labels: Object.fromEntries(labels), value: Number(value) });
	}
	return figures;
}
