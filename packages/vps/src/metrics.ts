/** The service's figures as Prometheus reads them. They are looked at, and nothing is done for them. */

import { SECOND } from "@baton/core/duration";
import { VERSION } from "@baton/io/version";
import { Counter, Gauge, Registry } from "prom-client";
import type { NameStatus } from "./control-message.ts";
import type { HeardNote } from "./heard-note.ts";
import {
	CUSTODY_STATES,
	FAILURE_REASONS,
	type FailureReason,
	METRICS,
	type Metric,
	SINK_STATES,
} from "./metric-names.ts";
import { lagOf } from "./sink-lag.ts";

type Values = Readonly<Record<string, string>>;

export class Metrics {
	readonly #registry = new Registry();
	readonly #rotations = this.#counter(METRICS.rotations);
	readonly #failures = this.#counter(METRICS.failures);
	readonly #gauges = new Map<Metric, Gauge>();

	/** @param names of the settings: what has never happened is shown as 0 */
	constructor(names: readonly string[]) {
		for (const metric of Object.values(METRICS)) {
			if (!metric.name.endsWith("_total")) this.#gauges.set(metric, this.#gauge(metric));
		}
		for (const name of names) this.#know(name);
	}

	/** Counts what happens. */
	heard(name: string, { what, reason }: HeardNote): void {
		if (what === "rotated" || what === "claimed") this.#rotations.inc({ name });
		const failed = failureOf(what, reason);
		if (failed !== undefined) this.#failures.inc({ name, reason: failed });
	}

	/** @param now wall-clock ms */
	async text(names: readonly NameStatus[], now: number): Promise<string> {
		for (const gauge of this.#gauges.values()) gauge.reset();
		this.#set(METRICS.build, 1, { version: VERSION, node: process.version });
		for (const status of names) this.#show(status, now);
		return await this.#registry.metrics();
	}

	#know(name: string): void {
		this.#rotations.inc({ name }, 0);
		for (const reason of FAILURE_REASONS) this.#failures.inc({ name, reason }, 0);
	}

	#show(status: NameStatus, now: number): void {
		const { name, serves, need, trouble } = status;
		const of = { name };
		this.#setOne(METRICS.state, CUSTODY_STATES, status.state, of);
		this.#set(METRICS.serves, serves === undefined ? 0 : 1, of);
		this.#setInstant(METRICS.expiry, serves?.until, of);
		this.#setInstant(METRICS.deadline, status.deadline, of);
		this.#setInstant(METRICS.lastSuccess, status.rotatedAt, of);
		if (status.generation !== undefined) this.#set(METRICS.generation, status.generation, of);
		this.#set(METRICS.needsLogin, need === undefined ? 0 : 1, of);
		this.#set(METRICS.failing, status.failures, of);
		this.#set(METRICS.unsaved, trouble === undefined ? 0 : 1, of);
		for (const sink of status.sinks) {
			const at = { name, sink: sink.name };
			this.#setOne(METRICS.sinkState, SINK_STATES, sink.state, at);
			this.#set(METRICS.sinkLag, lagOf(status, sink, now) / SECOND, at);
		}
	}

	#set(metric: Metric, value: number, labels: Values): void {
		this.#gauges.get(metric)?.set(labels, value);
	}

	#setInstant(metric: Metric, at: number | undefined, labels: Values): void {
		if (at !== undefined) this.#set(metric, at / SECOND, labels);
	}

	#setOne(metric: Metric, states: readonly string[], is: string, labels: Values): void {
		for (const state of states) this.#set(metric, state === is ? 1 : 0, { ...labels, state });
	}

	#gauge({ name, help, labels }: Metric): Gauge {
		return new Gauge({ name, help, labelNames: [...labels], registers: [this.#registry] });
	}

	#counter({ name, help, labels }: Metric): Counter {
		return new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] });
	}
}

function failureOf(what: string, reason: string | undefined): FailureReason | undefined {
	if (what === "in-doubt") return "no reply";
	if (what === "claim-refused") return "dead";
	if (what === "needs-login") return reason === "revoked-or-reused" ? "dead" : undefined;
	if (what !== "refresh-refused") return undefined;
	return FAILURE_REASONS.find((known) => known === reason) ?? "other";
}
