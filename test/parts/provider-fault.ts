import type { ServerResponse } from "node:http";

/**
 * `before`: the provider never sees the request. `after`: it has done what was asked, only the answer
 * is spoilt. For `delay` and `hold` the request is done in both cases, late or with a late answer.
 */
export type When = "before" | "after";

/** One way in which a provider, or what stands before it, goes wrong. */
export type ProviderFault =
	/** Does what was asked, then ends the connection without a byte. */
	| { kind: "lose-reply" }
	/** Ends the connection before doing anything. */
	| { kind: "drop-request" }
	/** Waits. `when` defaults to `before`. */
	| { kind: "delay"; ms: number; when?: When }
	/** Waits until `release` is called. `when` defaults to `before`. */
	| { kind: "hold"; when?: When }
	/** Another status. `retryAfter`: seconds, or an HTTP date. `when` defaults to `before`. */
	| { kind: "status"; status: number; retryAfter?: number | string; when?: When }
	/** The provider keeps the refresh token and does not name it in the answer. */
	| { kind: "omit-refresh-token" }
	/** Status 200 with a spoilt body. `when` defaults to `after`. */
	| { kind: "body"; body: SpoiltBody; when?: When };

/**
 * `truncated` is cut half-way and the connection ended; `stalled` is cut half-way and the connection
 * left open; `huge` is well-formed JSON of 16 MiB.
 */
export type SpoiltBody = "garbage" | "html" | "empty" | "truncated" | "stalled" | "huge";

const HUGE_BYTES = 16 * 1024 * 1024;

interface Armed {
	fault: ProviderFault;
	/** Requests it still applies to. */
	left: number;
}

/** The faults waiting for one address, first armed first used. */
export class FaultQueue {
	#armed: Armed[] = [];

	arm(fault: ProviderFault, times: number): void {
		this.#armed.push({ fault, left: times });
	}

	/** The fault for the request at hand; counts it down. */
	take(): ProviderFault | undefined {
		const first = this.#armed[0];
		if (!first) return undefined;
		first.left -= 1;
		if (first.left <= 0) this.#armed.shift();
		return first.fault;
	}

	/** The same, not counted. */
	next(): ProviderFault | undefined {
		return this.#armed[0]?.fault;
	}

	clear(): void {
		this.#armed = [];
	}
}

/** Answers as the fault says; `good` is what the provider would have said. */
export function answerSpoilt(response: ServerResponse, body: SpoiltBody, good: string): void {
	if (body === "truncated" || body === "stalled") {
		answerHalf(response, good, body === "truncated");
		return;
	}
	const text = spoiltText(body, good);
	response.writeHead(200, {
		"content-type": body === "html" ? "text/html" : "application/json",
		"content-length": Buffer.byteLength(text),
	});
	response.end(text);
}

function spoiltText(body: "garbage" | "html" | "empty" | "huge", good: string): string {
	switch (body) {
		case "garbage":
			return "\u0000\u0001{]not json";
		case "html":
			return "<!doctype html><title>Just a moment...</title>";
		case "empty":
			return "";
		case "huge":
			return hugeJson(good);
	}
}

/** Answers with a status that the provider did not choose. */
export function answerStatus(
	response: ServerResponse,
	status: number,
	retryAfter: number | string | undefined,
): void {
	const text = JSON.stringify({ type: "error", error: { type: "api_error", message: "refused" } });
	response.writeHead(status, {
		"content-type": "application/json",
		"content-length": Buffer.byteLength(text),
		...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
	});
	response.end(text);
}

function answerHalf(response: ServerResponse, good: string, ends: boolean): void {
	const text = good || JSON.stringify({ access_token: "", token_type: "Bearer" });
	response.writeHead(200, {
		"content-type": "application/json",
		"content-length": Buffer.byteLength(text),
	});
	response.write(text.slice(0, Math.floor(text.length / 2)), () => {
		if (ends) response.destroy();
	});
}

function hugeJson(good: string): string {
	const inner = good.startsWith("{") && good.length > 2 ? `,${good.slice(1)}` : "}";
	return `{"padding":"${"x".repeat(HUGE_BYTES)}"${inner}`;
}
