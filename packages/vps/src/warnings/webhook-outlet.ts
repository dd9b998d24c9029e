/**
 * Posts each warning as JSON to an address. An answer of 2xx means that it was taken; a redirect is not
 * followed, as whoever answers so would be given the secret header too.
 *
 * The address itself may be a secret, as a chat's are: no error names it.
 */

import { BatonError } from "@baton/core/error";
import { Secret } from "@baton/core/secret";
import { readSmall } from "@baton/io/read-small";
import { VERSION } from "@baton/io/version";
import type { Route } from "../engines/route.ts";
import { sendRequest } from "../engines/send-request.ts";
import type { Outlet } from "./outlet.ts";

export interface WebhookOutletOptions {
	readonly name: string;
	readonly url: string;
	/** Its value lies in the file and is read anew each time, so that it can be changed. */
	readonly header: { readonly name: string; readonly file: string } | undefined;
	readonly timeoutMs: number;
	/** The same proxy and authorities as for the provider. */
	readonly route: Route;
}

/** What it answers is of no interest; more than this is not waited for. Bytes. */
const ANSWER_MAX = 64 * 1024;
const HEADER_MAX = 8 * 1024;

export function webhookOutlet(options: WebhookOutletOptions): Outlet {
	const { name, url, header, timeoutMs, route } = options;
	const limits = { totalMs: timeoutMs, bodyBytes: ANSWER_MAX };
	return {
		name,
		async send(message) {
			const secret = header === undefined ? {} : { [header.name]: await readHeader(header.file) };
			const outcome = await sendRequest(
				{
					method: "POST",
					url,
					headers: {
						"content-type": "application/json",
						"user-agent": `baton/${VERSION}`,
						...secret,
					},
					body: new Secret(JSON.stringify(message)),
				},
				limits,
				route,
			);
			if (outcome.kind === "not-sent") throw refusal("cannot be reached");
			if (outcome.kind === "no-reply") throw refusal("gave no answer in time");
			const { status } = outcome.response;
			if (status >= 200 && status < 300) return;
			throw refusal(
				status < 400 ? `answered ${status}, and no redirect is followed` : `answered ${status}`,
			);
		},
	};
}

function refusal(what: string): BatonError {
	return new BatonError("command-failed", `the webhook ${what}`, {
		hint: "look at its url and header in batond.json",
	});
}

/** @throws BatonError `bad-settings`, never with any of it; `unsafe-path`, `disk-failed` */
async function readHeader(file: string): Promise<Secret> {
	const bytes = await readSmall(file, { maxBytes: HEADER_MAX });
	const value = bytes?.toString("utf8").trim();
	// RFC 9110, section 5.5, without what is beyond ASCII.
	if (value !== undefined && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value))
		return new Secret(value);
	throw new BatonError(
		"bad-settings",
		`${file} ${value === undefined ? "is missing" : "holds no header's value"}`,
		{
			hint: "put the value into it, one line, and chmod 600 it",
		},
	);
}
