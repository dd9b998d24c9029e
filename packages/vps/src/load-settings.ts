/** Reads `batond.json` and says what is wrong with it, where, and what was probably meant. */

import { BatonError } from "@baton/core/error";
import { readSettings, suggestKey } from "@baton/io/settings-file";
import type * as z from "zod/mini";
import { loadTemplates } from "./load-templates.ts";
import { type Settings, settingsSchema } from "./settings.ts";
import { findClash } from "./sinks/sink-place.ts";

/**
 * The settings with every default filled in; all defaults where there is no file.
 *
 * @throws BatonError `bad-settings` naming the key; `unsafe-path`, `disk-failed`
 */
export async function loadSettings(path: string): Promise<Settings> {
	const parsed = settingsSchema.safeParse((await readSettings(path)) ?? {});
	if (parsed.success) return await loadTemplates(withoutClash(path, parsed.data));
	const { issues } = parsed.error;
	// A key that is unknown may well be the one that is missing, misspelt.
	const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
	if (issue === undefined) throw new BatonError("bad-settings", `${path} is not understood`);
	throw explain(path, issue);
}

function withoutClash(path: string, settings: Settings): Settings {
	const clash = findClash(settings);
	if (clash === undefined) return settings;
	const { first, second, file } = clash;
	throw new BatonError("bad-settings", `${path}: ${first} and ${second} both write ${file}`, {
		hint: "give each a file, or a variable, of its own",
	});
}

function explain(path: string, issue: z.core.$ZodIssue): BatonError {
	const place = issue.path.map(String);
	if (issue.code !== "unrecognized_keys") {
		const key = place.join(".") || "the whole";
		return new BatonError("bad-settings", `${path}: ${key} is wrong: ${faultOf(issue)}`, {
			hint: "correct it and start the service again",
		});
	}
	const key = issue.keys[0] ?? "";
	const known = keysAt(settingsSchema, place);
	const meant = suggestKey(key, known);
	return new BatonError("bad-settings", `${path}: unknown key ${[...place, key].join(".")}`, {
		hint: meant === undefined ? `known there: ${known.join(", ")}` : `did you mean ${meant}?`,
	});
}

function faultOf(issue: z.core.$ZodIssue): string {
	switch (issue.code) {
		case "invalid_type":
			return `it should be ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`;
		case "invalid_value":
			return `it should be one of ${issue.values.join(", ")}`;
		case "invalid_union":
			return `it should be one of ${("options" in issue ? (issue.options as string[]) : []).join(", ")}`;
		case "invalid_key":
			return "names have small letters, digits, dots and dashes, 32 at most";
		case "custom":
			return issue.message;
		default:
			return issue.message.toLowerCase();
	}
}

/** The keys that may stand at a place: found in the schema, so that no list of them can go stale. */
function keysAt(schema: z.core.$ZodType, [first, ...rest]: readonly string[]): string[] {
	const { def } = schema._zod;
	if (isKind<z.core.$ZodDefaultDef>(def, "default")) {
		return keysAt(def.innerType, first === undefined ? [] : [first, ...rest]);
	}
	if (isKind<z.core.$ZodObjectDef>(def, "object")) {
		if (first === undefined) return Object.keys(def.shape);
		const inner = def.shape[first];
		return inner === undefined ? [] : keysAt(inner, rest);
	}
	if (isKind<z.core.$ZodRecordDef>(def, "record")) return keysAt(def.valueType, rest);
	if (isKind<z.core.$ZodUnionDef>(def, "union")) {
		const place = first === undefined ? [] : [first, ...rest];
		return [...new Set(def.options.flatMap((option) => keysAt(option, place)))];
	}
	return [];
}

function isKind<D extends z.core.$ZodTypeDef>(def: z.core.$ZodTypeDef, type: D["type"]): def is D {
	return def.type === type;
}
