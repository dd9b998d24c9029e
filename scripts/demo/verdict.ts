/** What came of it, as facts, and whether that is what was promised. */
import type { DemoOptions } from "./arguments.ts";
import type { Stage } from "./stage.ts";
import type { Story } from "./story.ts";

export type DemoFacts = {
	readonly handoverMs: number;
	/** By the provider's own ledger, as all that is about tokens. */
	readonly rotations: number;
	readonly spentTwice: number;
	readonly consumerRequests: number;
	/** Requests that came to nothing. */
	readonly consumerRefused: number;
	/** Answers 401 after which the consumer sent the same request again: only of a strict provider. */
	readonly consumerRetried: number;
	/** Reasons of the host, as it told them. */
	readonly declined: string[];
	/** Tokens found where none belongs. */
	readonly leaks: number;
	readonly seconds: number;
};

/** @param leaks how often a token was found where none belongs */
export async function factsOf(
	{ provider, consumer, timeline }: Stage,
	{ handoverMs, declined }: Story,
	leaks: number,
): Promise<DemoFacts> {
	const presentations = await provider.presentations();
	const refusals = (await provider.uses()).reduce((sum, { refused }) => sum + refused, 0);
	return {
		handoverMs,
		rotations: presentations.filter(({ outcome }) => outcome === "rotated").length,
		spentTwice: (await provider.spentTwice()).length,
		consumerRequests: consumer.requests,
		// What the server refused and the consumer did not send again counts, whatever the consumer says.
		consumerRefused: Math.max(consumer.refused, refusals - consumer.retried),
		consumerRetried: consumer.retried,
		declined,
		leaks,
		seconds: timeline.seconds,
	};
}

/** What is not as it should be, in words. */
export function judge(facts: DemoFacts): string[] {
	const { rotations, spentTwice, consumerRequests, consumerRefused, declined, leaks } = facts;
	const complaints: [boolean, string][] = [
		[rotations < 3, "fewer than three rotations"],
		[consumerRequests <= 10, "the consumer hardly asked"],
		[consumerRefused > 0, "the consumer was refused"],
		[spentTwice > 0, "a spent refresh token was presented again"],
		[leaks > 0, "a token was found where it does not belong"],
		[declined.length === 0, "no login was declined"],
	];
	return complaints.filter(([isSo]) => isSo).map(([, complaint]) => complaint);
}

export function summary(facts: DemoFacts, complaints: readonly string[], { strict }: DemoOptions) {
	const { handoverMs, rotations, consumerRequests, consumerRefused, consumerRetried } = facts;
	const retried = strict ? `, ${consumerRetried} sent again after a 401` : "";
	const rows: [string, string][] = [
		["handed over in", `${(handoverMs / 1000).toFixed(1)} s, from the login to the receipt`],
		["rotations", `${rotations}; spent tokens presented again: ${facts.spentTwice}`],
		["consumer", `${consumerRequests} requests, ${consumerRefused} refused${retried}`],
		["declined", facts.declined.join(", ") || "nothing"],
		["tokens astray", String(facts.leaks)],
	];
	return [
		...rows.map(([name, text]) => `  ${name.padEnd(16)}${text}`),
		"",
		complaints.length === 0
			? `all well, in ${facts.seconds} s; everything is stopped and removed`
			: `not as it should be: ${complaints.join("; ")}`,
	];
}
