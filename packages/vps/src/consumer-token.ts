/** The access token as a consumer finds it, where that can be told from the kind of the sink. */

import { join } from "node:path";
import { readCredentials } from "@baton/core/credentials-file";
import { readVariable } from "@baton/core/env-file";
import { Secret } from "@baton/core/secret";
import { readCredentialsText } from "@baton/io/read-credentials";
import { readSmall } from "@baton/io/read-small";
import { atHome } from "./at-home.ts";
import type { SinkSettings } from "./settings.ts";
import { CREDENTIALS_FILE } from "./sinks/sink-place.ts";

export type ConsumerToken =
	| { readonly kind: "token"; readonly token: Secret }
	| { readonly kind: "none"; readonly why: string }
	/** Only its reader knows what it has. */
	| { readonly kind: "untestable"; readonly why: string };

const MAX_BYTES = 1024 * 1024;

/** Only reads. @throws BatonError where that cannot be done */
export async function consumerToken(sink: SinkSettings): Promise<ConsumerToken> {
	switch (sink.type) {
		case "claude-code":
			return inCredentials(join(atHome(sink.configDir), CREDENTIALS_FILE));
		case "env-file": {
			const text = (await readSmall(atHome(sink.path), { maxBytes: MAX_BYTES }))?.toString(
				"latin1",
			);
			// systemd, docker and most libraries take the last line.
			return found(readVariable(text, sink.variable).at(-1), `${sink.variable} is not set there`);
		}
		case "template":
			return { kind: "untestable", why: "its file has a form of your own" };
		case "exec":
			return { kind: "untestable", why: "what its command did with the token is not known" };
	}
}

async function inCredentials(file: string): Promise<ConsumerToken> {
	const reading = readCredentials(await readCredentialsText(file));
	if (reading.kind === "unreadable") return { kind: "none", why: reading.why };
	return found(reading.session?.accessToken.reveal(), "no login lies there");
}

function found(token: string | undefined, why: string): ConsumerToken {
	return token ? { kind: "token", token: new Secret(token) } : { kind: "none", why };
}
