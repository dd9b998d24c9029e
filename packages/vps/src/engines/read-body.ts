/** Reads an HTTP answer's body with a limit on what arrives and on what it unfolds to. */

import type { IncomingMessage } from "node:http";
import { type Duplex, PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

/**
 * @param limit bytes, of the body as sent and of the text alike
 * @returns the text, or undefined if it was cut short, too long, or packed in an unknown way
 */
export async function readBody(
	answer: IncomingMessage,
	limit: number,
): Promise<string | undefined> {
	const unpacker = unpackerFor(answer.headers["content-encoding"]);
	if (unpacker === undefined) return undefined;
	const chunks: Buffer[] = [];
	try {
		await pipeline(answer, upTo(limit), unpacker, upTo(limit), async (source) => {
			for await (const chunk of source) chunks.push(chunk);
		});
	} catch {
		return undefined;
	}
	return answer.complete ? Buffer.concat(chunks).toString("utf8") : undefined;
}

function upTo(limit: number) {
	return async function* (source: AsyncIterable<Buffer>) {
		let length = 0;
		for await (const chunk of source) {
			length += chunk.length;
			if (length > limit) throw new Error(`more than ${limit} bytes`);
			yield chunk;
		}
	};
}

/** Some servers pack an answer although they were asked not to. */
function unpackerFor(encoding: string | undefined): Duplex | undefined {
	switch (encoding?.trim().toLowerCase()) {
		case undefined:
		case "":
		case "identity":
			return new PassThrough();
		case "gzip":
		case "x-gzip":
			return createGunzip();
		case "deflate":
			return createInflate();
		case "br":
			return createBrotliDecompress();
		default:
			return undefined;
	}
}
