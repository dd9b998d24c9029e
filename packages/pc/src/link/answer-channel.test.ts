import { Duplex } from "node:stream";
import { type Answer, LINE_MAX_BYTES, type Request } from "@baton/core/protocol";
import { systemClock } from "@baton/io/clock";
import { afterEach, describe, expect, test } from "vitest";
import { AnswerChannel } from "./answer-channel.ts";

const FP = "a".repeat(64);
const LIMITS = { request: 300, total: 5_000 };

/** The host's end of a stream: what it says is pushed, what it hears is kept. */
class Peer extends Duplex {
	heard = "";

	override _read(): void {}

	override _write(chunk: Buffer, _encoding: string, done: () => void): void {
		this.heard += chunk.toString();
		done();
	}

	say(...lines: (string | object)[]): void {
		for (const line of lines) {
			this.push(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
		}
	}
}

const peers: Peer[] = [];
afterEach(() => {
	for (const peer of peers.splice(0)) peer.destroy();
});

function open(limits = LIMITS): { peer: Peer; channel: AnswerChannel } {
	const peer = new Peer();
	peers.push(peer);
	return { peer, channel: new AnswerChannel(peer, systemClock, limits) };
}

function custody(id: string): Request {
	return { v: 1, id, type: "custody", name: "default", holds: [], witness: [], fp: FP };
}

function staged(id: string): Answer {
	return { v: 1, id, type: "staged", fp: FP, disarm: [] };
}

describe("answers", () => {
	test("go to the request of their id, in whatever order", async () => {
		const { peer, channel } = open();
		const [one, two] = [channel.ask(custody("one")), channel.ask(custody("two"))];
		peer.say(staged("two"), staged("one"));
		expect([(await one).id, (await two).id]).toEqual(["one", "two"]);
		expect(peer.heard.split("\n")).toHaveLength(3);
	});

	test("that come twice or for nobody change nothing", async () => {
		const { peer, channel } = open();
		const one = channel.ask(custody("one"));
		peer.say(staged("other"), staged("one"), staged("one"));
		expect((await one).id).toBe("one");
		const two = channel.ask(custody("two"));
		peer.say(staged("one"), staged("two"));
		expect((await two).id).toBe("two");
	});

	test("are found behind what the shell prints", async () => {
		const { peer, channel } = open();
		const one = channel.ask(custody("one"));
		peer.say("Welcome to Debian", "\u001b[1mhi\u001b[0m", "{not json", '{"some":"json"}', "");
		peer.push("prompt> ");
		peer.say(staged("one"));
		expect((await one).type).toBe("staged");
	});
});

describe("a request fails", () => {
	test.each<[string, (peer: Peer) => void, string]>([
		[
			"when the shell does not stop printing",
			(peer) => peer.say(...Array(300).fill("x".repeat(40))),
			"bad-message",
		],
		[
			"at a line without an end",
			(peer) => peer.push("y".repeat(LINE_MAX_BYTES + 10)),
			"bad-message",
		],
		["at another version", (peer) => peer.say({ ...staged("one"), v: 2 }), "bad-message"],
		["at an unknown type", (peer) => peer.say({ ...staged("one"), type: "wow" }), "bad-message"],
		["at rubbish after an answer", (peer) => peer.say(staged("zero"), "rubbish"), "bad-message"],
		["at the end of the stream", (peer) => peer.push(null), "service-unavailable"],
		["when the stream breaks", (peer) => peer.destroy(new Error("cut")), "host-unreachable"],
		[
			"when the service is not there",
			(peer) => peer.say({ v: 1, id: "one", type: "unavailable", reason: "down" }),
			"service-unavailable",
		],
		[
			"when nobody in particular is turned away",
			(peer) => peer.say({ v: 1, id: "none", type: "unavailable", reason: "full" }),
			"service-unavailable",
		],
		[
			"when it is refused",
			(peer) => peer.say({ v: 1, id: "one", type: "refused", reason: "no" }),
			"bad-message",
		],
		["when no answer comes in time", () => undefined, "timed-out"],
	])("%s", async (_when, happens, code) => {
		const { peer, channel } = open();
		const one = channel.ask(custody("one"));
		happens(peer);
		await expect(one).rejects.toMatchObject({ code });
	});

	test("and so does each one after it, with the same reason", async () => {
		const { peer, channel } = open();
		const one = channel.ask(custody("one"));
		peer.say({ ...staged("one"), v: 2 });
		await expect(one).rejects.toMatchObject({ code: "bad-message" });
		expect(channel.isOpen).toBe(false);
		await expect(channel.ask(custody("two"))).rejects.toMatchObject({ code: "bad-message" });
	});
});
