/** A program on the VPS that never stops: it reads the sink's file for each request it makes. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";

export interface ConsumerCount {
	/** Requests, refused ones among them. */
	requests: number;
	refused: number;
	/** The longest row of refusals, the file read again before each. */
	longestRow: number;
	/** Refusals since the last success. */
	row: number;
	/** Different access tokens that were good. */
	tokens: number;
}

export interface Consumer {
	count(): ConsumerCount;
	/** Resolves when the last request has been answered. */
	stop(): Promise<ConsumerCount>;
}

const BETWEEN_MS = 5;

/** @param resourceUrl of a server that takes living access tokens only */
export function startConsumer(sinkFile: string, resourceUrl: string): Consumer {
	const good = new Set<string>();
	const count = { requests: 0, refused: 0, longestRow: 0, row: 0, tokens: 0 };
	let stopped = false;
	const loop = async () => {
		for (; !stopped; await pause(BETWEEN_MS)) {
			const token = accessTokenIn(sinkFile);
			if (token === undefined) continue;
			const isGood = await ask(resourceUrl, token);
			count.requests += 1;
			if (isGood) good.add(token);
			count.tokens = good.size;
			count.row = isGood ? 0 : count.row + 1;
			count.refused += isGood ? 0 : 1;
			count.longestRow = Math.max(count.longestRow, count.row);
		}
	};
	const over = loop();
	over.catch(() => undefined);
	return {
		count: () => ({ ...count }),
		async stop() {
			stopped = true;
			await over;
			return { ...count };
		},
	};
}

function accessTokenIn(file: string): string | undefined {
	if (!existsSync(file)) return undefined;
	const { claudeAiOauth } = JSON.parse(readFileSync(file, "utf8")) as {
		claudeAiOauth?: Partial<ClaudeAiOauth>;
	};
	return claudeAiOauth?.accessToken || undefined;
}

async function ask(resourceUrl: string, token: string): Promise<boolean> {
	const reply = await fetch(`${resourceUrl}/v1/messages`, {
		method: "POST",
		headers: { authorization: `Bearer ${token}` },
		body: "{}",
	});
	await reply.arrayBuffer();
	return reply.ok;
}
