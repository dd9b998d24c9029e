/**
 * A file of the person's own making with places for what a token is: `{{accessToken}}`. Added `|json`
 * writes the value as JSON, a string with its quotes.
 */

import { BatonError } from "./error.ts";

/** Characters. */
export const TEMPLATE_MAX = 64 * 1024;
const PLACES_MAX = 16;
/** The longest value a place can have: a token, each character escaped, in quotes. */
const VALUE_MAX = 2 * 8192 + 2;

/** Of one UTF-16 unit in UTF-8, bytes. */
const UNIT_MAX = 3;

const PLACES = ["accessToken", "expiresAt", "expiresAtIso", "name", "generation"] as const;
type Place = (typeof PLACES)[number];

export interface TemplateValues {
	/** In clear. */
	readonly accessToken: string;
	/** End of the access token, wall-clock ms, if it is known. */
	readonly expiresAt: number | undefined;
	/** The custody name. */
	readonly name: string;
	readonly generation: number;
}

type Part =
	| { readonly kind: "text"; readonly text: string }
	| { readonly kind: "place"; readonly place: Place; readonly json: boolean };

export interface SinkTemplate {
	readonly parts: readonly Part[];
	/** More than this it never comes to in UTF-8. Bytes. */
	readonly longest: number;
}

/** What means itself in any format a person may have written around it. */
const PLAIN_TOKEN = /^[\x21-\x7e]+$/;

/** @throws BatonError `bad-settings` naming a placeholder there is not, or a limit */
export function parseTemplate(text: string): SinkTemplate {
	if (text.length > TEMPLATE_MAX) throw fault(`is longer than ${TEMPLATE_MAX} characters`);
	const parts = text.split(/(\{\{.*?\}\})/s).map(partOf);
	const places = parts.filter(({ kind }) => kind === "place").length;
	if (places > PLACES_MAX) throw fault(`has more than ${PLACES_MAX} placeholders`);
	return { parts, longest: text.length * UNIT_MAX + places * VALUE_MAX };
}

function partOf(text: string): Part {
	const inner = /^\{\{(.*)\}\}$/s.exec(text)?.[1];
	if (inner === undefined) {
		if (text.includes("{{")) throw fault("opens a placeholder with {{ and does not close it");
		return { kind: "text", text };
	}
	const [, place, json] = /^\s*(\w+)\s*(\|\s*json\s*)?$/.exec(inner) ?? [];
	if (!isPlace(place)) throw fault(`has a placeholder that there is not: ${text.slice(0, 40)}`);
	return { kind: "place", place, json: json !== undefined };
}

function isPlace(text: string | undefined): text is Place {
	return PLACES.some((place) => place === text);
}

/** @throws BatonError `bad-credentials` for a token with spaces or control characters in it */
export function fillTemplate({ parts }: SinkTemplate, values: TemplateValues): string {
	if (!PLAIN_TOKEN.test(values.accessToken)) {
		throw new BatonError("bad-credentials", "the access token is not plain text", {
			hint: "it is not written",
		});
	}
	const all: Readonly<Record<Place, string | number | undefined>> = {
		...values,
		expiresAtIso:
			values.expiresAt === undefined ? undefined : new Date(values.expiresAt).toISOString(),
	};
	return parts
		.map((part) => (part.kind === "text" ? part.text : valueText(all[part.place], part.json)))
		.join("");
}

function valueText(value: string | number | undefined, json: boolean): string {
	return json ? JSON.stringify(value ?? null) : String(value ?? "");
}

function fault(what: string): BatonError {
	return new BatonError("bad-settings", `the template ${what}`, {
		hint: `there are ${PLACES.map((place) => `{{${place}}}`).join(", ")}, each also with |json`,
	});
}
