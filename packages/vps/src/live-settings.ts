/**
 * The settings in force, and how they are read again: what can change does so at once, what cannot is
 * said, and a file that cannot be read changes nothing. Custody goes on throughout.
 */

import type { CustodyRules } from "@baton/core/custody-state";
import { BatonError } from "@baton/core/error";
import type { Log } from "@baton/io/log";
import type { SettingsReport } from "./control-message.ts";
import { planReload } from "./plan-reload.ts";
import { rulesOf, type Settings, type SinkSettings } from "./settings.ts";
import type { Sink } from "./sinks/sink.ts";

/** Who is told what is in force from now on. */
export interface Adjustable {
	adjust(rules: CustodyRules, sinks: readonly Sink[]): void;
}

export interface LiveSettingsOptions {
	readonly settings: Settings;
	/** Reads them again. @throws BatonError for what is wrong with them */
	reread(): Promise<Settings>;
	makeSink(name: string, settings: SinkSettings): Sink;
	readonly log: Log;
}

interface Made {
	readonly settings: SinkSettings;
	readonly sink: Sink;
}

export class LiveSettings {
	readonly #options: LiveSettingsOptions;
	/** By custody name and sink: a sink whose settings stay the same stays the same. */
	readonly #made = new Map<string, Map<string, Made>>();
	#settings: Settings;
	#report: SettingsReport = {};
	#last: Promise<void> = Promise.resolve();

	constructor(options: LiveSettingsOptions) {
		this.#options = options;
		this.#settings = options.settings;
	}

	/** What a person should know of the last time they were read. */
	get report(): SettingsReport {
		return this.#report;
	}

	get rules(): CustodyRules {
		return rulesOf(this.#settings);
	}

	/** The sinks of a name, as they are to be from now on. */
	sinksOf(name: string): Sink[] {
		const before = this.#made.get(name) ?? new Map<string, Made>();
		const after = new Map<string, Made>();
		for (const [sink, settings] of Object.entries(this.#settings.names[name]?.sinks ?? {})) {
			const known = before.get(sink);
			const isSame = JSON.stringify(known?.settings) === JSON.stringify(settings);
			const made = isSame ? known : { settings, sink: this.#options.makeSink(sink, settings) };
			if (made !== undefined) after.set(sink, made);
		}
		this.#made.set(name, after);
		return [...after.values()].map(({ sink }) => sink);
	}

	/** One reading after another; never throws. */
	reload(custodians: ReadonlyMap<string, Adjustable>): Promise<void> {
		this.#last = this.#last.then(() => this.#reload(custodians));
		return this.#last;
	}

	async #reload(custodians: ReadonlyMap<string, Adjustable>): Promise<void> {
		const { log, reread } = this.#options;
		let wanted: Settings;
		try {
			wanted = await reread();
		} catch (error) {
			const known = error instanceof BatonError;
			log.failure("the settings stay as they were", error);
			this.#report = {
				trouble: known ? error.message : "they could not be read, by a fault in batond",
				...(known && error.hint !== undefined ? { hint: error.hint } : {}),
			};
			return;
		}
		const { settings, waiting } = planReload(this.#settings, wanted);
		this.#settings = settings;
		this.#report = waiting.length === 0 ? {} : { waiting };
		for (const [name, custodian] of custodians) {
			custodian.adjust(this.rules, this.sinksOf(name));
		}
		log.info("settings read again");
		if (waiting.length > 0) {
			const hint = "systemctl --user restart batond";
			log.warn("some settings wait for a restart", { reason: waiting.join(", "), hint });
		}
	}
}
