/**
 * The person, and the world around: logs in and out when they like, gives leave, takes back, restores
 * backups, rolls machines back; and the provider has its bad days.
 */

import type { CustodyRecord } from "@baton/core/custody-state";
import { HOUR, MINUTE, SECOND } from "@baton/core/duration";
import { NORMAL_STORE, type PcRecord } from "@baton/core/handover-state";
import { rotate } from "@baton/core/tokens";
import type { Claude } from "./claude.ts";
import { HOST, type PcNode, type PcSnapshot } from "./pc-node.ts";
import { type Content, EMPTY, type Store } from "./store.ts";
import type { VpsNode } from "./vps-node.ts";
import type { World } from "./world.ts";

export class Person {
	readonly #pc: PcNode;
	readonly #claude: Claude;
	readonly #vps: VpsNode;
	readonly #world: World;
	#resting = false;
	#backup: Content | undefined;
	#pcSnapshot: PcSnapshot | undefined;
	#vpsSnapshot: CustodyRecord | undefined;
	/** What this person is inclined to do, drawn once. */
	readonly #habits: readonly (() => void)[];

	constructor(pc: PcNode, claude: Claude, vps: VpsNode, world: World) {
		this.#pc = pc;
		this.#claude = claude;
		this.#vps = vps;
		this.#world = world;
		this.#habits = this.#drawHabits();
	}

	live(): void {
		const { timeline, random } = this.#world;
		const often = random.pick([5 * MINUTE, 30 * MINUTE, 3 * HOUR]);
		const act = () => {
			if (this.#resting) return;
			const habit = this.#habits[Math.floor(random.next() * this.#habits.length)];
			if (!this.#pc.isAsleep) habit?.();
			timeline.after(random.between(3 * SECOND, 2 * often), act);
		};
		timeline.after(random.between(SECOND, MINUTE), act);
		this.#useClaude();
		this.#reconcile();
	}

	/** Touches nothing more; claude goes on being used, the watcher goes on looking. */
	rest(): void {
		this.#resting = true;
	}

	#useClaude(): void {
		const { timeline, random } = this.#world;
		this.#claude.use();
		timeline.after(random.between(MINUTE, 2 * HOUR), () => this.#useClaude());
	}

	#reconcile(): void {
		this.#pc.reconcile();
		this.#world.timeline.after(2 * HOUR, () => this.#reconcile());
	}

	#drawHabits(): readonly (() => void)[] {
		const { random } = this.#world;
		const common = [
			() => this.#login(this.#pc.normal),
			() => this.#login(this.#pc.dedicated),
			() => this.#permit(),
		];
		const rare = [
			() => this.#login(this.#pc.normal),
			() => this.#quickly(() => this.#login(this.#pc.normal)),
			() => this.#logout(),
			() => this.#handOver(),
			() => this.#takeBack(),
			() => this.#quickly(() => this.#takeBack()),
			() => this.#claude.die(),
			() => this.#claude.use(true),
			() => this.#closeLid(),
			() => this.#pc.sleep(random.between(MINUTE, 5 * HOUR)),
			() => this.#pc.crash(),
			() => this.#keepBackup(),
			() => this.#restoreBackup(),
			() => this.#takeSnapshot(),
			() => this.#rollBackPc(),
			() => this.#rollBackVps(),
			() => this.#vps.crash(),
			() => this.#vps.sleep(random.between(MINUTE, 5 * HOUR)),
			() => this.#vps.stepClock(random.between(-2 * HOUR, 2 * HOUR)),
			() => this.#outage(),
			() => this.#outage(),
			() => this.#loginOnVps(),
			() => this.#logoutOnVps(),
			() => this.#useClaudeOnVps(),
			() => this.#importOnVps(),
			() => this.#importOnVps(),
			() => this.#falseAlarm(),
			() => this.#revokeOnVps(),
		];
		return [...common, ...rare.filter(() => random.chance(0.3))];
	}

	#quickly(then: () => void): void {
		this.#login(this.#pc.normal);
		this.#world.timeline.after(this.#world.random.between(10, 10 * SECOND), () => {
			if (!this.#resting && !this.#pc.isAsleep) then();
		});
	}

	/** Logs in, asks claude something, and closes the laptop before the answer: claude sleeps mid-refresh. */
	#closeLid(): void {
		const { timeline, random } = this.#world;
		this.#permit();
		this.#login(this.#pc.normal);
		timeline.after(random.between(100, 4 * SECOND), () => {
			this.#claude.use(true);
			timeline.after(random.between(5, SECOND), () =>
				this.#pc.sleep(random.between(2 * MINUTE, HOUR)),
			);
		});
	}

	#account(): string {
		return this.#world.random.chance(0.05) ? "other" : "mine";
	}

	/** Takes the lock that Baton holds too, so never in the middle of Baton's take. */
	#login(store: Store): void {
		const { timeline, provider } = this.#world;
		if (store.lock?.owner === "baton" && store.lock.isAlive()) {
			timeline.after(SECOND, () => {
				if (!this.#resting) this.#login(store);
			});
			return;
		}
		this.#world.tell(
			() =>
				`${this.#pc.name} person logs in (${store === this.#pc.normal ? "normal" : "dedicated"})`,
		);
		this.#world.oracle.abandon(store.refreshToken, "a login over it");
		store.write({ session: provider.login(this.#account()), restored: false });
	}

	#logout(): void {
		const store = this.#pc.normal;
		if (store.lock !== undefined) return;
		const token = store.refreshToken;
		const family = token === undefined ? undefined : this.#world.provider.familyOf(token);
		this.#world.tell(() => `${this.#pc.name} person logs out`);
		if (family !== undefined) this.#world.provider.revoke(family);
		store.write(EMPTY);
	}

	#permit(): void {
		this.#world.oracle.leaveGiven(this.#pc, this.#world.timeline.now);
		this.#pc.dispatch({
			type: "permit-asked",
			host: HOST,
			replace: this.#world.random.chance(0.3),
			reading: this.#pc.normal.read(),
			random: this.#world.random.next(),
		});
	}

	#handOver(): void {
		const reading = this.#pc.normal.read();
		if (reading.kind === "login") this.#world.oracle.asked(reading.session.refreshToken.reveal());
		this.#pc.dispatch({
			type: "handover-asked",
			host: HOST,
			store: NORMAL_STORE,
			replace: this.#world.random.chance(0.5),
			reading,
			random: this.#world.random.next(),
		});
	}

	#takeBack(): void {
		this.#pc.dispatch({
			type: "take-back-asked",
			host: HOST,
			force: false,
			random: this.#world.random.next(),
		});
	}

	#keepBackup(): void {
		this.#backup = this.#pc.normal.content;
	}

	/** Over whatever is there now, as a restore does. */
	#restoreBackup(): void {
		const store = this.#pc.normal;
		const token = this.#backup?.session?.refreshToken?.reveal();
		if (this.#backup === undefined || store.lock !== undefined || token === undefined) return;
		this.#world.tell(() => `${this.#pc.name} backup restored`);
		if (store.refreshToken !== token)
			this.#world.oracle.abandon(store.refreshToken, "a backup over it");
		this.#world.oracle.copied(token);
		store.write({ ...this.#backup, restored: true });
	}

	#takeSnapshot(): void {
		this.#pcSnapshot = this.#pc.snapshot();
		this.#vpsSnapshot = this.#vps.disk.record;
	}

	#rollBackPc(): void {
		const snapshot = this.#pcSnapshot;
		if (snapshot === undefined) return;
		const { oracle } = this.#world;
		for (const content of snapshot.contents.values())
			oracle.copied(content.session?.refreshToken?.reveal());
		for (const escrow of snapshot.escrows.values())
			oracle.copied(escrow.session.refreshToken.reveal());
		for (const store of this.#pc.stores.values()) oracle.abandon(store.refreshToken, "rolled back");
		for (const escrow of this.#pc.disk.escrows.values()) {
			oracle.abandon(escrow.session.refreshToken.reveal(), "rolled back");
		}
		for (let leaves = openLeaves(snapshot.record); leaves > 0; leaves -= 1)
			oracle.granted(this.#pc);
		this.#claude.die();
		this.#pc.rollBack(snapshot);
	}

	#rollBackVps(): void {
		const snapshot = this.#vpsSnapshot;
		if (snapshot === undefined || snapshot === this.#vps.disk.record) return;
		this.#world.tell(() => "vps is rolled back");
		// What was on its way then may be back on its PC by now.
		this.#world.oracle.copied(snapshot.staged?.session.refreshToken?.reveal());
		const { current, staged } = this.#vps.disk.record ?? {};
		this.#vps.disk.record = snapshot;
		this.#vps.engine.forget();
		this.#vps.rollbackAt = this.#world.timeline.now;
		this.#vps.witnessed.clear();
		this.#world.oracle.vpsRolledBack();
		for (const lineage of [current, staged]) {
			this.#world.oracle.abandon(lineage?.session.refreshToken?.reveal(), "rolled back");
		}
		this.#vps.crash();
	}

	#outage(): void {
		const { provider, timeline, random } = this.#world;
		provider.downUntil = timeline.now + random.between(MINUTE, 12 * HOUR);
		provider.downAs = random.pick(["not-sent", "dropped", "server"]);
		this.#world.tell(
			() =>
				`provider ${provider.downAs} until +${Math.round((provider.downUntil - timeline.now) / MINUTE)} min`,
		);
	}

	#loginOnVps(): void {
		this.#world.tell(() => "person logs in on the vps");
		this.#world.oracle.abandon(this.#vps.sink.session?.refreshToken?.reveal(), "a login over it");
		this.#vps.sink = { exists: true, session: this.#world.provider.login(this.#account()) };
	}

	#logoutOnVps(): void {
		this.#world.tell(() => "person logs out on the vps");
		const token = this.#vps.sink.session?.refreshToken?.reveal();
		const family = token === undefined ? undefined : this.#world.provider.familyOf(token);
		if (family !== undefined) this.#world.provider.revoke(family);
		this.#vps.sink = { exists: false, session: undefined };
	}

	/** The claude there refreshes what was logged in by hand, under its locks. */
	#useClaudeOnVps(): void {
		const { session } = this.#vps.sink;
		const token = session?.refreshToken?.reveal();
		if (session === undefined || token === undefined || this.#world.provider.isDown) return;
		this.#world.tell(() => "claude refreshes on the vps");
		const outcome = this.#world.provider.refresh(token, "claude");
		if (outcome.kind !== "rotated") return;
		const rotated = rotate(session, outcome.tokens, this.#world.timeline.now);
		this.#vps.sink = { exists: true, session: rotated };
	}

	#importOnVps(): void {
		const { session } = this.#vps.sink;
		if (session?.refreshToken === undefined) return;
		this.#world.tell(() => "person imports the login on the vps");
		this.#vps.import(session, this.#world.random.chance(0.7));
	}

	#revokeOnVps(): void {
		this.#world.tell(() => "person revokes the login on the vps");
		this.#vps.revoke();
	}

	#falseAlarm(): void {
		this.#world.provider.raiseFalseAlarm();
	}
}

/** An open permit, and each that is used up for a login still to be taken. */
function openLeaves({ permit, handovers }: PcRecord): number {
	const begun = handovers.filter(
		({ store, step }) => store === NORMAL_STORE && (step === "pending" || step === "taking"),
	);
	return begun.length + (permit === undefined ? 0 : 1);
}
