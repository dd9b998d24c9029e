/**
 * What the commands on this machine ask of the service, one line each way. Checked by hand: `batond
 * token` runs often and shall not wait for a schema library to load.
 */

import type { AskVerdict } from "@baton/core/ask-verdict";
import type { AnswerBody, LossEvidence, LossReason } from "@baton/core/protocol";
import type { RevokeVerdict } from "@baton/core/revoke-verdict";
import type { KeyOrigin } from "@baton/io/key-source";
import { isDevice } from "./device-header.ts";
import type { EngineChoice } from "./engines/choose-engine.ts";
import type { SinkReport } from "./sink-report.ts";

export type ControlRequest =
	| { readonly v: 1; readonly type: "status" }
	| { readonly v: 1; readonly type: "token"; readonly name: string }
	/** Refresh this name's login now, if it may be; with `force` however young its token is. */
	| { readonly v: 1; readonly type: "refresh"; readonly name: string; readonly force: boolean }
	/** End this name's login for good. */
	| { readonly v: 1; readonly type: "revoke"; readonly name: string }
	| { readonly v: 1; readonly type: "devices" }
	/** Send a test message by each outlet for warnings. */
	| { readonly v: 1; readonly type: "test-warnings" }
	| { readonly v: 1; readonly type: "metrics" }
	/** Have nothing more to do with this device until a line for it stands in `file` again. */
	| { readonly v: 1; readonly type: "forget"; readonly device: string; readonly file: string }
	/** Take over the login that lies in this file. */
	| {
			readonly v: 1;
			readonly type: "import";
			readonly name: string;
			readonly path: string;
			readonly replace: boolean;
	  }
	/** Keep this setup token; `expiresAt` is wall-clock ms. */
	| {
			readonly v: 1;
			readonly type: "import-token";
			readonly name: string;
			readonly token: string;
			readonly expiresAt: number;
			readonly replace: boolean;
	  }
	/** What became of the login with this fingerprint? */
	| { readonly v: 1; readonly type: "custody"; readonly name: string; readonly fp: string };

/** One name's custody, without a secret. Times are wall-clock ms. */
export interface NameStatus {
	readonly name: string;
	readonly state: string;
	readonly lineageId?: string;
	readonly generation?: number;
	readonly device?: string;
	readonly accessUntil?: number;
	readonly deadline?: number;
	readonly rotatedAt?: number;
	/** The last warning of its deadline: this many days before, or fewer. */
	readonly warnedDays?: number;
	/** A setup token: never refreshed. */
	readonly setupToken?: true;
	/** The access token that is given out now, and when it ends; absent if there is none. */
	readonly serves?: { readonly until?: number };
	/** Why none is given out. */
	readonly noToken?: NoTokenReason;
	/** A refresh was asked for, and has come to no end yet. */
	readonly asked?: true;
	/** When something is next to be done, if anything is. */
	readonly nextAt?: number;
	/** A login that was delivered and is not claimed yet. */
	readonly staged?: { readonly lineageId: string; readonly device: string; readonly state: string };
	/** The login that was delivered is claimed only once the PC delivers it again. */
	readonly waitsForPc?: true;
	/** The provider has refused the access token twice, although it has not ended. */
	readonly accessRefused?: true;
	/** Until when a PC's word is waited for before anything is spent. */
	readonly pcAwaitedUntil?: number;
	readonly need?: LossReason;
	/** What is known of a login that is lost or rolled back, also while another is being claimed. */
	readonly evidence?: LossEvidence;
	/** The last login that was handed over could not be claimed, and no other one was since. */
	readonly claimRefused?: {
		readonly lineageId: string;
		readonly at: number;
		readonly reason?: string;
	};
	/** A person ended the login, and the provider did not log it out: why. */
	readonly notRevoked?: string;
	/** Refreshes that failed in a row. */
	readonly failures: number;
	/** Why the last of them failed: `out of reach`, or how the provider refused it. */
	readonly refusal?: string;
	/** How often in a row the provider did not say whose a delivered login is. */
	readonly unanswered?: number;
	readonly sinks: readonly SinkReport[];
	/** What is due is not sent to the provider before this many of the sinks can be written. */
	readonly waitsForSinks?: "one" | "all";
	/** Why the state folder cannot be written, and what a person can do about it. */
	readonly trouble?: string;
	readonly troubleHint?: string;
	/** The newest refresh token is in this process alone, for that reason. */
	readonly unsaved?: true;
}

/** What a person should know of the settings that were last read; nothing if they are in force. */
export interface SettingsReport {
	/** Why they could not be read: those before them are in force. */
	readonly trouble?: string;
	readonly hint?: string;
	/** Keys whose change waits for a restart. */
	readonly waiting?: readonly string[];
}

export interface ServiceStatus {
	readonly v: 1;
	readonly type: "status";
	readonly version: string;
	readonly now: number;
	/** Where refreshes go. */
	readonly tokenUrl: string;
	/** By what they are sent; absent as long as claude is being looked for. */
	readonly engine?: EngineChoice;
	/** Where the key to the state comes from. */
	readonly key?: KeyOrigin;
	readonly settings?: SettingsReport;
	readonly names: readonly NameStatus[];
	/** By what warnings leave this machine; absent if by nothing. */
	readonly warnings?: readonly OutletStatus[];
}

/** How one outlet for warnings fares. */
export interface OutletStatus {
	readonly name: string;
	/** Messages that it has yet to send, and those given up for want of room. */
	readonly waiting: number;
	readonly missed: number;
	/** Why the last attempt failed; absent if it did not. */
	readonly trouble?: string;
}

export interface TokenAnswer {
	readonly v: 1;
	readonly type: "token";
	readonly name: string;
	readonly accessToken: string;
	/** Wall-clock ms; absent if not known. */
	readonly expiresAt?: number;
	readonly generation: number;
	/** No refresh will follow. */
	readonly setupToken?: true;
}

export type NoTokenReason =
	| "needs-login"
	/** Not reached, refused for the moment, silent on the account, or not asked to the end yet. */
	| "out-of-reach"
	| "refused"
	| "unanswered"
	| "waiting"
	/** A sink, or the service's own state, cannot be written. */
	| "sinks"
	| "not-saved";

export interface NoTokenAnswer {
	readonly v: 1;
	readonly type: "no-token";
	readonly name: string;
	readonly state: string;
	readonly reason: NoTokenReason;
}

export interface VerdictAnswer {
	readonly v: 1;
	readonly type: "verdict";
	readonly name: string;
	readonly verdict: AskVerdict;
}

export interface RevocationAnswer {
	readonly v: 1;
	readonly type: "revocation";
	readonly name: string;
	readonly verdict: RevokeVerdict;
}

export interface MetricsAnswer {
	readonly v: 1;
	readonly type: "metrics";
	/** In Prometheus' text format. */
	readonly text: string;
}

/** What the service remembers of a device. Times are wall-clock ms. */
export interface DeviceFacts {
	readonly device: string;
	/** To the hour, after the service was killed. */
	readonly lastContact?: number;
	readonly forgottenAt?: number;
	/** Conversations that are open now. */
	readonly open: number;
}

export interface DevicesAnswer {
	readonly v: 1;
	readonly type: "devices";
	readonly devices: readonly DeviceFacts[];
}

export interface ForgottenAnswer {
	readonly v: 1;
	readonly type: "forgotten";
	/** Conversations that were ended. */
	readonly ended: number;
	/** Why the service will not remember it after a restart. */
	readonly trouble?: string;
}

/** What became of a login that was to be taken over. */
export interface ImportAnswer {
	readonly v: 1;
	readonly type: "import";
	readonly fp: string;
	/** As the protocol's answers are named. */
	readonly became: AnswerBody["type"];
	/** Why it was declined or not taken, or why there is no saying. */
	readonly reason?: string;
	/** It was a spare copy, and whether it could be disarmed. */
	readonly disarmed?: boolean;
}

/** What a test message by each outlet came to. */
export interface WarningsTestedAnswer {
	readonly v: 1;
	readonly type: "warnings-tested";
	readonly outlets: readonly OutletTest[];
}

export interface OutletTest {
	readonly name: string;
	/** Why it failed and what a person can do; absent if it was sent. */
	readonly trouble?: string;
	readonly hint?: string;
}

export type ControlAnswer =
	| ImportAnswer
	| ServiceStatus
	| VerdictAnswer
	| RevocationAnswer
	| MetricsAnswer
	| DevicesAnswer
	| ForgottenAnswer
	| TokenAnswer
	| NoTokenAnswer
	| WarningsTestedAnswer
	| { readonly v: 1; readonly type: "refused"; readonly reason: string };

/** Undefined for what is no request. */
export function parseControlRequest(value: Record<string, unknown>): ControlRequest | undefined {
	const { v, type, name, device, file } = value;
	if (v !== 1) return undefined;
	switch (type) {
		case "status":
		case "devices":
		case "test-warnings":
		case "metrics":
			return { v, type };
		case "forget": {
			const isWhole = typeof device === "string" && isDevice(device) && typeof file === "string";
			return isWhole ? { v, type, device, file } : undefined;
		}
		case "token":
		case "revoke":
			return typeof name === "string" ? { v, type, name } : undefined;
		case "refresh":
			return typeof name === "string" ? { v, type, name, force: value.force === true } : undefined;
		default:
			return typeof name === "string" ? parseImport(value, name) : undefined;
	}
}

function parseImport(value: Record<string, unknown>, name: string): ControlRequest | undefined {
	const { type, path, token, expiresAt, replace, fp } = value;
	const v = 1;
	if (type === "custody" && typeof fp === "string") return { v, type, name, fp };
	if (typeof replace !== "boolean") return undefined;
	if (type === "import" && typeof path === "string") return { v, type, name, path, replace };
	if (type !== "import-token" || typeof token !== "string" || typeof expiresAt !== "number")
		return undefined;
	return { v, type, name, token, expiresAt, replace };
}
