/**
 * Runs every story of this folder through the real decisions and compares. A change that is meant:
 * `npx vitest run test/scenarios -u`, and read every line of the difference.
 */
import { readdirSync, readFileSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { CANARY } from "./cast.ts";
import { CustodianActor } from "./custodian-actor.ts";
import { PcActor } from "./pc-actor.ts";
import { runTranscript } from "./transcript.ts";

const FOLDERS = { custody: CustodianActor, handover: PcActor };

describe.each(Object.entries(FOLDERS))("%s", (folder, ActorOf) => {
	const path = new URL(`${folder}/`, import.meta.url);
	const stories = readdirSync(path).filter((file) => file.endsWith(".txt"));

	test.each(stories)("%s", async (story) => {
		const file = new URL(story, path);
		const actors: (CustodianActor | PcActor)[] = [];
		const written = runTranscript(readFileSync(file, "utf8"), () => {
			const actor = new ActorOf();
			actors.push(actor);
			return actor;
		});
		await expect(written).toMatchFileSnapshot(file.pathname);
		// No effect shows a token, however it is printed.
		const effects = actors.flatMap((actor): readonly unknown[] => actor.effects);
		expect(JSON.stringify(effects)).not.toContain(CANARY);
		expect(inspect(effects, { depth: 20, maxArrayLength: null })).not.toContain(CANARY);
	});
});
