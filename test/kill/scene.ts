/** A host on which one login arrives, is claimed and is refreshed once. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CustodyRecord } from "@baton/core/custody-state";
import { isSealed } from "@baton/core/staged-login";
import { keyFile } from "@baton/io/key-source";
import { openSecretStore } from "@baton/io/secret-store";
import { custodyStore } from "../../packages/vps/src/custody-store.ts";
import { type BatondHost, connectDevice, deliver, makeBatondHost } from "../e2e/batond-host.ts";
import { letLocksAge } from "../e2e/stories/claude-lock.ts";
import { until } from "../e2e/stories/until.ts";
import type { Child } from "../parts/child-process.ts";
import type { ClaudeAiOauth, OAuthServer } from "../parts/oauth-control.ts";
import { makeRefreshingClaude, type RefreshingClaude } from "../parts/refreshing-claude.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";

export interface SceneKind {
	readonly name: string;
	readonly engine: "http" | "claude-cli";
	/** From a device, or in a file of this machine. */
	readonly arrives: "delivered" | "imported";
	/** A rotation kills the access token before it. */
	readonly killsOldAccess: boolean;
	/**
	 * Lifetime of an access token: short enough that a doubt is over soon, long enough for all that is done in
	 * one. claude is given logins with a minute left.
	 */
	readonly tokenSeconds: number;
}

const HTTP = { engine: "http", killsOldAccess: true, tokenSeconds: 12 } as const;
const CLAUDE = { engine: "claude-cli", killsOldAccess: true, tokenSeconds: 75 } as const;
const LIVING_ON = { killsOldAccess: false };

export const SCENES: readonly SceneKind[] = [
	{ name: "http", ...HTTP, arrives: "delivered" },
	{ name: "http, old tokens live on", ...HTTP, ...LIVING_ON, arrives: "delivered" },
	{ name: "http, imported", ...HTTP, arrives: "imported" },
	{ name: "claude-cli", ...CLAUDE, arrives: "delivered" },
	{ name: "claude-cli, imported", ...CLAUDE, ...LIVING_ON, arrives: "imported" },
];

/** A doubt may last for a token's life, and claude's locks for a while besides. */
const LONGEST_MS = 180_000;

const SETTINGS = {
	timing: { requestLimit: "2s", deadConfirm: "500ms", witnessWait: "1s" },
	refresh: { before: "500ms" },
};
/** So that all the service does to the disk is done by one thread, in an order that comes again. */
const ENVIRONMENT = { UV_THREADPOOL_SIZE: "1" };

export class Scene {
	readonly login: ClaudeAiOauth;
	readonly host: BatondHost;
	readonly #kind: SceneKind;
	readonly #claude: RefreshingClaude | undefined;
	#service: Child | undefined;
	#read: { mark: string; record: CustodyRecord | undefined } | undefined;

	constructor(kind: SceneKind, provider: OAuthServer, login: ClaudeAiOauth) {
		this.#kind = kind;
		this.login = login;
		const { engine } = kind;
		this.#claude = engine === "claude-cli" ? makeRefreshingClaude(provider) : undefined;
		const claude = this.#claude && { claude: this.#claude.path };
		this.host = makeBatondHost(provider, { ...SETTINGS, engine, ...claude }, ENVIRONMENT);
		if (kind.arrives === "imported") this.#lay();
	}

	/** Starts the service and waits until it is ready. */
	async serve(): Promise<Child> {
		this.#service = await this.host.serve();
		return this.#service;
	}

	/**
	 * Does what there is still to do until the login is claimed, was refreshed once and is published; or is
	 * lost.
	 *
	 * @throws Error also if the service ends meanwhile
	 */
	async seeThrough(): Promise<void> {
		await (this.#kind.arrives === "imported" ? this.#import() : this.#deliver());
		await this.#settled();
		const { current } = (await this.record()) ?? {};
		if (current?.generation !== 1 || current.phase.name !== "held") return;
		await this.#refresh();
		await this.#settled();
	}

	/** What is in custody, as it lies on the disk; read again only when it was replaced. */
	async record(): Promise<CustodyRecord | undefined> {
		const folder = join(this.host.stateFolder, "secrets");
		const stat = statSync(join(folder, "custody-default.secret"), { throwIfNoEntry: false });
		if (stat === undefined) return undefined;
		const mark = `${stat.ino} ${stat.mtimeMs}`;
		if (this.#read?.mark !== mark) {
			const key = keyFile(join(this.host.configFolder, "batond.key"));
			const record = await custodyStore(openSecretStore({ folder, key })).load("default");
			this.#read = { mark, record };
		}
		return this.#read.record;
	}

	/** The access token that the sink shows. */
	published(): string | undefined {
		const file = join(this.host.claudeFolder, ".credentials.json");
		return existsSync(file) ? this.host.sinkFile().accessToken : undefined;
	}

	/** A minute goes by for the locks of claude's that a kill left behind. */
	letLocksAge(): void {
		for (const folder of [this.host.claudeFolder, this.#folder]) letLocksAge(folder);
	}

	end(): void {
		this.#claude?.end();
		this.#claude?.scratch.remove();
		this.host.scratch.remove();
	}

	/** Where the login lies that is imported. */
	get #folder(): string {
		return this.host.scratch.at("elsewhere");
	}

	get #source(): string {
		return join(this.#folder, ".credentials.json");
	}

	#lay(): void {
		mkdirSync(this.#folder, { mode: 0o700 });
		writeFileSync(this.#source, JSON.stringify({ claudeAiOauth: this.login }), { mode: 0o600 });
	}

	/** As a PC does: it asks what became of its login, and delivers what the host does not know. */
	async #deliver(): Promise<void> {
		const fp = fingerprintOf(this.login.refreshToken);
		const device = await connectDevice(this.host);
		const { type } = await device.ask({ type: "custody", fp });
		if (type === "unknown") await deliver(device, this.login);
		device.child.endInput();
		await device.child.ended();
		await this.#decided();
	}

	/** As a person does: once more, if nothing is there yet. */
	async #import(): Promise<void> {
		const { staged, past = {} } = (await this.record()) ?? {};
		if (staged === undefined && Object.keys(past).length === 0) {
			await this.#run([0], "import", this.#source, "--yes");
		}
		await this.#decided();
	}

	/** Declined if the service waits to try it again by itself, as it does after trouble. */
	async #refresh(): Promise<void> {
		await this.#run([0, 11], "refresh", "--force", "--yes");
		await this.#until("it is refreshed, or lost", ({ current }) => {
			return current?.phase.name === "needs-login" || (current?.generation ?? 0) > 1;
		});
	}

	async #decided(): Promise<void> {
		await this.#until("its claim is decided", ({ staged }) => {
			return staged === undefined || isSealed(staged);
		});
	}

	async #settled(): Promise<void> {
		await this.#until("it is held and published, or lost", ({ current }) => {
			if (current === undefined || current.phase.name === "needs-login") return true;
			return (
				current.phase.name === "held" && this.published() === current.session.accessToken.reveal()
			);
		});
	}

	async #until(what: string, look: (record: Partial<CustodyRecord>) => boolean): Promise<void> {
		await until(
			what,
			async () => {
				if (this.#service?.exit() !== undefined) throw new Error("the service has ended");
				return look((await this.record()) ?? {});
			},
			Boolean,
			LONGEST_MS,
		);
	}

	async #run(well: readonly number[], ...args: string[]): Promise<void> {
		const { code, stdout, stderr } = await this.host.run(...args);
		if (!well.includes(code ?? -1))
			throw new Error(`batond ${args[0]} ended with ${code}: ${stderr || stdout}`);
	}
}
