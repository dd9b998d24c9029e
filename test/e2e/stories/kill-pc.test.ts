/** `kill -9` of `baton watch` at each step of a hand-over. Started again, it sees it through. */
import { expect } from "vitest";
import type { Child } from "../../parts/child-process.ts";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import { holdClaudeLock, letLocksAge, locksIn } from "./claude-lock.ts";
import { type Death, dying } from "./death.ts";
import { outcomes, reached, settled, told, whats } from "./milestones.ts";
import type { Stage, StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const FOLLOW: StageOptions = { login: "follow-login" };

/** What lies where right after the kill. */
interface Scene {
	readonly steps: string[];
	/** The store still holds the login's refresh token. */
	readonly inStore: boolean;
	readonly inEscrow: boolean;
}

interface Fate {
	readonly stage: Stage;
	readonly login: ClaudeAiOauth;
	/** As it was left by the kill; this also lets go of what held it up. */
	finds(scene: Scene): void;
	/** Starts it again and waits for the end of the hand-over. */
	goesOn(): Promise<Child[]>;
}

interface Plan {
	/** Where it dies by itself, if not by the test's hand. */
	readonly death?: (paths: { escrow: string; stage: Stage }) => Death;
	/** Before the login: what holds everything up at the right step. */
	readonly before?: (stage: Stage) => void;
	/** After the login: resolves when the step is reached. */
	readonly reach?: (stage: Stage) => Promise<unknown>;
}

async function killed(stage: Stage, { death, before, reach }: Plan): Promise<Fate> {
	const { pc } = stage;
	await pc.claude.login();
	const login = await stage.nextLogin();
	const escrow = pc.scratch.at("state", "escrow", `${fingerprintOf(login.refreshToken)}.secret`);
	const service = await stage.serve();
	const watcher = await stage.watch(death && dying(death({ escrow, stage })));
	await watcher.line(/"kind":"host-needs-login"/);
	before?.(stage);
	await pc.claude.login();
	await reach?.(stage);
	if (death === undefined) watcher.kill("SIGKILL");
	expect(await watcher.ended(20_000)).toEqual({ code: null, signal: "SIGKILL" });
	return {
		stage,
		login,
		finds({ steps, inStore, inEscrow }) {
			expect(stage.steps()).toEqual(steps);
			expect(stage.ownToken()).toBe(inStore ? login.refreshToken : "");
			expect(pc.escrows()).toHaveLength(inEscrow ? 1 : 0);
		},
		async goesOn() {
			const again = await stage.watch();
			await settled(stage);
			expect(stage.ownToken()).toBe("");
			expect(await stage.baton("status", "--json")).toMatchObject({
				stdout: expect.not.stringContaining('"permit"'),
			});
			return [service, again];
		},
	};
}

/** Each delivery and each claim once, whatever happened. */
async function expectOnce({ stage, login }: Fate, running: Child[]) {
	expect(whats(stage)).toEqual(["staged", "claimed"]);
	expect(await outcomes(stage)).toEqual(["rotated"]);
	return { running, logins: [[login, "vps current"]] as const };
}

story("killed before it could offer the login", FOLLOW, async (stage) => {
	const fate = await killed(stage, {
		before: ({ link }) => {
			link.refuse(true);
			link.now("cut");
		},
		reach: () => reached(stage, "pending"),
	});
	fate.finds({ steps: ["pending"], inStore: true, inEscrow: false });
	stage.link.refuse(false);
	return await expectOnce(fate, await fate.goesOn());
});

story("killed before the answer to the offer came", FOLLOW, async (stage) => {
	const fate = await killed(stage, {
		before: ({ link }) => link.now("black-hole", "down"),
		reach: ({ link }) =>
			until("the host has answered", () => link.connections().some(({ held }) => held.down > 0)),
	});
	fate.finds({ steps: ["pending"], inStore: true, inEscrow: false });
	stage.link.now("cut");
	return await expectOnce(fate, await fate.goesOn());
});

story("killed while it waits for claude, the offer accepted", FOLLOW, async (stage) => {
	let letGo: (() => void) | undefined;
	const fate = await killed(stage, {
		before: ({ pc }) => {
			letGo = holdClaudeLock(pc.scratch.at("claude"));
		},
		reach: () => reached(stage, "taking"),
	});
	fate.finds({ steps: ["taking"], inStore: true, inEscrow: false });
	letGo?.();
	return await expectOnce(fate, await fate.goesOn());
});

const beforeDisarm: Plan = {
	death: ({ stage }) => ({
		call: "rename",
		path: stage.pc.claude.credentialsPath,
		moment: "before",
	}),
};

story("killed between the escrow and the disarming", FOLLOW, async (stage) => {
	const fate = await killed(stage, beforeDisarm);
	fate.finds({ steps: ["taking"], inStore: true, inEscrow: true });
	// Its own locks lie there, touched a moment ago; it need not wait until they are old.
	expect(locksIn(stage.pc.scratch.at("claude"))).toHaveLength(3);
	return await expectOnce(fate, await fate.goesOn());
});

story("killed there, and claude refreshes the login meanwhile", FOLLOW, async (stage) => {
	const fate = await killed(stage, beforeDisarm);
	fate.finds({ steps: ["taking"], inStore: true, inEscrow: true });
	letLocksAge(stage.pc.scratch.at("claude"));
	expect(await stage.pc.claude.refresh({ force: true })).toBe("refreshed");
	const running = await fate.goesOn();
	const presented = await stage.provider.presentations();
	expect(presented.map(({ outcome }) => outcome)).toEqual(["rotated", "rotated"]);
	expect(presented[1]?.fp).toBe(presented[0]?.replacedBy);
	return { running, logins: [[fate.login, "vps current"]] };
});

story("killed between the disarming and its record", FOLLOW, async (stage) => {
	const fate = await killed(stage, {
		death: ({ escrow, stage: { pc } }) => ({
			call: "rename",
			path: pc.recordFile,
			moment: "before",
			once: escrow,
		}),
	});
	fate.finds({ steps: ["taking"], inStore: false, inEscrow: true });
	return await expectOnce(fate, await fate.goesOn());
});

story("killed when it has taken the login and not delivered it", FOLLOW, async (stage) => {
	const fate = await killed(stage, {
		before: ({ link, pc }) => {
			const letGo = holdClaudeLock(pc.scratch.at("claude"));
			void reached(stage, "taking").then(() => {
				link.now("black-hole", "up");
				letGo();
			});
		},
		reach: () => reached(stage, "taken"),
	});
	fate.finds({ steps: ["taken"], inStore: false, inEscrow: true });
	expect(stage.audit()).toEqual([]);
	stage.link.now("cut");
	return await expectOnce(fate, await fate.goesOn());
});

story("killed when the login is delivered, and staged for long", FOLLOW, async (stage) => {
	await stage.provider.inject("profile", { kind: "hold" }, "until-cleared");
	const fate = await killed(stage, {
		reach: () => told(stage, "staged"),
	});
	fate.finds({ steps: ["taken"], inStore: false, inEscrow: true });
	await stage.provider.clearFaults();
	await stage.provider.release();
	return await expectOnce(fate, await fate.goesOn());
});

story("killed when the login is claimed, before it heard of it", FOLLOW, async (stage) => {
	const fate = await killed(stage, {
		before: ({ link, pc }) => {
			const letGo = holdClaudeLock(pc.scratch.at("claude"));
			void reached(stage, "taking").then(() => {
				link.now("black-hole", "down");
				letGo();
			});
		},
		reach: () => told(stage, "claimed"),
	});
	fate.finds({ steps: ["taken"], inStore: false, inEscrow: true });
	stage.link.now("cut");
	return await expectOnce(fate, await fate.goesOn());
});

story("killed when it has heard of the claim, before it erases", FOLLOW, async (stage) => {
	const fate = await killed(stage, {
		death: ({ escrow }) => ({ call: "unlink", path: escrow, moment: "before" }),
	});
	fate.finds({ steps: ["claimed"], inStore: false, inEscrow: true });
	return await expectOnce(fate, await fate.goesOn());
});

story("killed when it has erased, before its record says so", FOLLOW, async (stage) => {
	const fate = await killed(stage, {
		death: ({ escrow }) => ({ call: "unlink", path: escrow, moment: "after" }),
	});
	fate.finds({ steps: ["claimed"], inStore: false, inEscrow: false });
	return await expectOnce(fate, await fate.goesOn());
});
