/**
 * What is measured: names and labels, each label with a bounded set of values. Nothing here, or in a
 * value, is a secret.
 */

import { PHASES } from "@baton/core/custody-state";
import type { SinkReport } from "./sink-report.ts";

export interface Metric {
	readonly name: string;
	readonly help: string;
	readonly labels: readonly string[];
}

function metric(name: string, help: string, ...labels: string[]): Metric {
	return { name: `batond_${name}`, help, labels };
}

export const METRICS = {
	build: metric("build_info", "Always 1.", "version", "node"),
	state: metric("custody_state", "1 for the state that the custody is in.", "name", "state"),
	serves: metric("serves_token", "1 while an access token is given out.", "name"),
	expiry: metric(
		"access_token_expiry_timestamp_seconds",
		"End of the access token that is given out.",
		"name",
	),
	deadline: metric("login_deadline_timestamp_seconds", "End of the login.", "name"),
	generation: metric("login_generation", "Rotations made here.", "name"),
	lastSuccess: metric(
		"last_success_timestamp_seconds",
		"When the newest access token came.",
		"name",
	),
	needsLogin: metric("needs_login", "1 while only a new login helps.", "name"),
	failing: metric("failures_in_a_row", "Refreshes that failed since one went well.", "name"),
	unsaved: metric("state_unsaved", "1 while the state cannot be saved.", "name"),
	sinkState: metric("sink_state", "1 for the state that the sink is in.", "name", "sink", "state"),
	sinkLag: metric(
		"sink_lag_seconds",
		"How long there has been a token that the sink does not hold.",
		"name",
		"sink",
	),
	rotations: metric("rotations_total", "Refreshes that went well, claims included.", "name"),
	failures: metric("refresh_failures_total", "Refreshes that failed.", "name", "reason"),
} as const satisfies Record<string, Metric>;

/** Reasons for which a refresh fails; any other counts as `other`. */
export const FAILURE_REASONS = [
	"out of reach",
	"proxy",
	"certificate",
	"rate-limited",
	"forbidden",
	"server",
	"scope",
	"request",
	"no reply",
	"dead",
	"other",
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

export const CUSTODY_STATES = ["none", ...PHASES];

export const SINK_STATES = Object.keys({
	current: true,
	behind: true,
	failing: true,
	foreign: true,
	"logged-out": true,
	"not-ours": true,
	idle: true,
	clearing: true,
	cleared: true,
	kept: true,
} satisfies Record<SinkReport["state"], true>);
