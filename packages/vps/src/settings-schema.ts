/** The settings as JSON Schema, for editors and for programs that write them: made from the real one. */

import * as z from "zod/mini";
import { settingsSchema } from "./settings.ts";

/** What a file may hold: before defaults are filled in and durations read. */
export function settingsJsonSchema(): object {
	return {
		...z.toJSONSchema(settingsSchema, { io: "input" }),
		title: "batond.json: settings of batond",
	};
}
