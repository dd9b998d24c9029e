/**
 * What has to be durable before what: each thing done is looked at on every image that a power cut in
 * that moment would leave of the machine it rests on.
 */
import type { Life, Prefix } from "./machine.ts";
import type { PcFacts } from "./pc-image.ts";
import type { Spoken } from "./spoken.ts";
import type { VpsFacts } from "./vps-image.ts";

export interface Deed {
	readonly at: number;
	readonly what: string;
	readonly fp: string;
	readonly pc?: (facts: PcFacts, fp: string) => boolean;
	readonly vps?: (facts: VpsFacts, fp: string) => boolean;
	/** Where either will do. */
	readonly either?: true;
}

type Rule = Omit<Deed, "at" | "fp">;

const inEscrow = ({ escrow }: PcFacts, fp: string) => escrow.includes(fp);
const isTaken = ({ steps, stores }: PcFacts, fp: string) =>
	steps[fp] === "taken" && !stores.includes(fp);
const isPutBack = ({ steps, stores }: PcFacts, fp: string) =>
	steps[fp] === "put-back" && stores.includes(fp);
const isClaimed = ({ past }: VpsFacts, fp: string) => past[fp] === "claimed";
const isHeld = ({ logins }: VpsFacts, fp: string) => logins.some(({ accessFp }) => accessFp === fp);
const isStaged = ({ logins }: VpsFacts, fp: string) =>
	logins.some((login) => login.role === "staged" && login.fp === fp);

/** What each thing done rests on, by what it is. */
const RULES: Readonly<Record<string, Rule>> = {
	disarmed: { what: "disarmed once it is in escrow", pc: inEscrow },
	armed: {
		what: "put back once the host has let go of it and that is noted",
		pc: ({ putBackBegun, escrow }, fp) => putBackBegun.includes(fp) && escrow.includes(fp),
		vps: ({ past }, fp) => past[fp] === "withdrawn" || past[fp] === "not-taken",
	},
	erased: {
		what: "erased once it is claimed, or put back",
		pc: isPutBack,
		vps: isClaimed,
		either: true,
	},
	"from-device deliver": {
		what: "delivered once it is taken",
		pc: (facts, fp) => isTaken(facts, fp) && inEscrow(facts, fp),
	},
	"from-device erased": {
		what: "told to be erased once it is",
		pc: (facts, fp) => !inEscrow(facts, fp),
	},
	"to-device staged": { what: "answered staged once it is", vps: isStaged },
	"to-device claimed": { what: "answered claimed once it is", vps: isClaimed },
	"to-device withdrawn": {
		what: "answered withdrawn once it is",
		vps: ({ past }, fp) => past[fp] === "withdrawn",
	},
	spent: {
		what: "spent once the intent is written down",
		vps: ({ logins }, fp) => logins.some((one) => one.fp === fp && one.phase === "refreshing"),
	},
	"source disarmed": {
		what: "disarmed where it lay once that is noted",
		vps: ({ logins }, fp) => logins.some((one) => one.fp === fp && one.source === "disarming"),
	},
	"source spent": {
		what: "spent once the file it was imported from is disarmed",
		vps: ({ logins, armed }, fp) =>
			!armed.includes(fp) && logins.some((one) => one.fp === fp && one.source === "disarmed"),
	},
	published: { what: "published once it is kept", vps: isHeld },
	"given to a command": { what: "given to a command once it is kept", vps: isHeld },
};

export function deedsOf(
	pc: Life<PcFacts>,
	vps: Life<VpsFacts>,
	spoken: readonly Spoken[],
	saidAt: (at: number) => number,
) {
	const turns = pc.turns.map(({ at, kind, fp }) => deed(at, kind, fp));
	const imports = vps.turns.map(({ at, kind, fp }) => deed(at, `source ${kind}`, fp));
	const imported = new Set(vps.turns.map(({ fp }) => fp));
	const spent = spoken.filter(({ kind, fp }) => kind === "spent" && imported.has(fp));
	const claims = spent.map(({ at, fp }) => deed(at, "source spent", fp));
	const words = spoken.map(({ at, kind, what, fp }) => {
		if (kind === "from-device") return deed(saidAt(at), `${kind} ${what}`, fp);
		return deed(at, kind === "to-device" ? `${kind} ${what}` : kind, fp);
	});
	return [...turns, ...imports, ...claims, ...words].filter((one) => one !== undefined);
}

function deed(at: number, kind: string, fp: string): Deed | undefined {
	const rule = RULES[kind];
	return rule === undefined ? undefined : { at, fp, ...rule };
}

/** The names of all rules, so that none can go without being met. */
export const RULE_NAMES: readonly string[] = Object.values(RULES).map(({ what }) => what);

/** What was done too early. */
export function tooEarly(deeds: readonly Deed[], pc: Life<PcFacts>, vps: Life<VpsFacts>): string[] {
	const bad = deeds.filter(({ at, fp, either, ...on }) => {
		const rests = [
			on.pc && holds(pc.prefixes, at, (facts) => on.pc?.(facts, fp) === true),
			on.vps && holds(vps.prefixes, at, (facts) => on.vps?.(facts, fp) === true),
		].filter((one) => one !== undefined);
		return either ? !rests.includes(true) : rests.includes(false);
	});
	return bad.map(({ what, fp }) => `not ${what}: ${fp.slice(0, 12)}`);
}

/** On every image that may be there right before an instant. */
function holds<F>(prefixes: readonly Prefix<F>[], at: number, is: (facts: F) => boolean): boolean {
	return prefixes.findLast(({ from }) => from < at)?.facts.every(is) ?? false;
}
