/**
 * What every sink owes the custodian: it holds exactly what it was last given, never a refresh token;
 * a failed write leaves what was there; and proving changes nothing a consumer sees.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sink } from "../../packages/vps/src/sinks/sink.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { accessToken } from "./open-sink.ts";

export interface SinkSubject {
	name: string;
	make(scratch: Scratch): SinkUnderTest | Promise<SinkUnderTest>;
}

export interface SinkUnderTest {
	sink: Sink;
	/** The access token a consumer finds; undefined if there is none. */
	held(): string | undefined;
	/** All that the sink has left where a consumer could read. */
	everything(): string;
	/** Makes writing impossible. */
	block(): void;
	unblock(): void;
}

export function sinkContract(subject: SinkSubject): void {
	describe(`sink ${subject.name}`, () => {
		let scratch: Scratch;
		let under: SinkUnderTest;

		beforeEach(async () => {
			scratch = makeScratch();
			under = await subject.make(scratch);
		});
		afterEach(() => {
			under.unblock();
			scratch.remove();
		});

		test("holds what it was last given", async () => {
			for (const text of ["sk-one", "sk-two", "sk-two", "sk-three"]) {
				await under.sink.write(accessToken(text));
				expect(under.held()).toBe(text);
			}
		});

		test("is written well: it says so", async () => {
			const outcome = await under.sink.write(accessToken("sk-one"));
			expect(outcome).toEqual({ kind: "written", disarmed: undefined });
		});

		test("proving changes nothing a consumer sees", async () => {
			await under.sink.prove();
			expect(under.held()).toBeUndefined();
			await under.sink.write(accessToken("sk-one"));
			const before = under.everything();
			await under.sink.prove();
			expect(under.everything()).toBe(before);
		});

		test("what cannot be written is not proved, fails with a reason, and keeps what it had", async () => {
			await under.sink.write(accessToken("sk-one"));
			const before = under.everything();
			under.block();
			await expect(under.sink.prove()).rejects.toMatchObject({ name: "BatonError" });
			const failure = await under.sink
				.write(accessToken("sk-two"))
				.catch((error: unknown) => error);
			expect(failure).toMatchObject({ name: "BatonError" });
			expect(String(failure)).not.toContain("sk-two");
			under.unblock();
			expect(under.everything()).toBe(before);
			await under.sink.write(accessToken("sk-two"));
			expect(under.held()).toBe("sk-two");
		});
	});
}
