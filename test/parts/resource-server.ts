import type { IncomingMessage, ServerResponse } from "node:http";
import { answerJson, bearerOf, readBody, startLoopbackServer } from "./loopback-server.ts";
import { fingerprintOf } from "./token-ledger.ts";

export interface ResourceServerOptions {
	/** Asked at every request; nothing is remembered between two. */
	isLive(accessToken: string): Promise<boolean>;
	/** 0, the default, takes a free one. */
	port?: number;
}

/** How often one access token was used. */
export interface AccessUse {
	/** SHA-256 of the access token, hex. */
	fp: string;
	accepted: number;
	refused: number;
}

/** Stands for the Messages API: takes only access tokens that are alive at that moment. */
export interface ResourceServer {
	readonly port: number;
	/** What a consumer is given as its base address. */
	readonly url: string;
	/** By token, in order of first use. A request without any token counts under "". */
	uses(): AccessUse[];
	accepted(): number;
	refused(): number;
	close(): Promise<void>;
}

/** Starts the server; it answers `POST /v1/messages`, plain or as a stream. */
export async function startResourceServer(options: ResourceServerOptions): Promise<ResourceServer> {
	const uses = new Map<string, AccessUse>();
	const sum = (field: "accepted" | "refused") =>
		[...uses.values()].reduce((total, use) => total + use[field], 0);

	const server = await startLoopbackServer(async (request, response) => {
		if (request.method !== "POST" || !request.url?.startsWith("/v1/messages")) {
			return answerJson(response, 404, refusal("not_found_error", "not found"));
		}
		const body = await readBody(request);
		const token = tokenOf(request);
		const use = useOf(uses, token);
		if (!token || !(await options.isLive(token))) {
			use.refused += 1;
			return answerJson(response, 401, refusal("authentication_error", "invalid bearer token"));
		}
		use.accepted += 1;
		answerMessage(response, wantsStream(body));
	}, options.port);

	return {
		port: server.port,
		url: server.url,
		uses: () => [...uses.values()],
		accepted: () => sum("accepted"),
		refused: () => sum("refused"),
		close: () => server.close(),
	};
}

/** A consumer may send the token as a bearer or, from an API key helper, as `x-api-key`. */
function tokenOf(request: IncomingMessage): string | undefined {
	const key = request.headers["x-api-key"];
	return bearerOf(request) ?? (typeof key === "string" ? key : undefined);
}

function useOf(uses: Map<string, AccessUse>, token: string | undefined): AccessUse {
	const fp = token ? fingerprintOf(token) : "";
	const use = uses.get(fp) ?? { fp, accepted: 0, refused: 0 };
	uses.set(fp, use);
	return use;
}

function wantsStream(body: string): boolean {
	try {
		return (JSON.parse(body) as { stream?: unknown }).stream === true;
	} catch {
		return false;
	}
}

const MESSAGE = {
	id: "msg_part",
	type: "message",
	role: "assistant",
	model: "part",
	content: [{ type: "text", text: "hello" }],
	stop_reason: "end_turn",
	stop_sequence: null,
	usage: { input_tokens: 1, output_tokens: 1 },
};

function answerMessage(response: ServerResponse, stream: boolean): void {
	if (!stream) {
		answerJson(response, 200, MESSAGE);
		return;
	}
	response.writeHead(200, { "content-type": "text/event-stream" });
	for (const event of EVENTS) {
		response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
	}
	response.end();
}

const EVENTS = [
	{ type: "message_start", message: { ...MESSAGE, content: [], stop_reason: null } },
	{ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
	{ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hello" } },
	{ type: "content_block_stop", index: 0 },
	{
		type: "message_delta",
		delta: { stop_reason: "end_turn", stop_sequence: null },
		usage: { output_tokens: 1 },
	},
	{ type: "message_stop" },
];

function refusal(type: string, message: string): Record<string, unknown> {
	return { type: "error", error: { type, message } };
}
