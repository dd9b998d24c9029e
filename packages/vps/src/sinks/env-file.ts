/**
 * One variable in a file of environment variables: for systemd's `EnvironmentFile=`, `docker
 * --env-file`, shells and dotenv libraries. All else in the file is somebody else's and stays.
 */

import { clearVariable, readVariable, setVariable } from "@baton/core/env-file";
import { type KeptFileOptions, keptFileSink } from "./kept-file.ts";
import type { Sink } from "./sink.ts";

export interface EnvFileSinkOptions extends Omit<KeptFileOptions, "place" | "content"> {
	readonly variable: string;
}

/** A line with the longest token, bytes. */
const LINE_MAX = 16 * 1024;

export function envFileSink({ variable, ...options }: EnvFileSinkOptions): Sink {
	return keptFileSink({
		...options,
		place: `${options.path}#${variable}`,
		content: {
			longest: LINE_MAX,
			fill: (before, { session }) => setVariable(before, variable, session.accessToken.reveal()),
			empty: (before) => clearVariable(before, variable),
			isTaken: (before) => readVariable(before, variable).some((value) => value !== ""),
		},
	});
}
