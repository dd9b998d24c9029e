/**
 * A program on the VPS that uses what the sink's file holds, as claude does: before each request it
 * looks whether the file has changed.
 */
import { readFileSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export interface ConsumerOptions {
	/** The credentials file that the sink writes. */
	readonly file: string;
	/** Base address of the resource server. */
	readonly url: string;
	/** For how long a request answered 401 is sent again, ms; 0 for never. */
	readonly patience: number;
	/** It goes on with another access token, from this request on. */
	onToken(request: number): void;
	/** The first one after one that was answered well. */
	onRefused(request: number, trouble: string): void;
}

/** Between two requests, ms. */
const EVERY = 60;
/** Before a request is sent again, ms. */
const AGAIN = 50;

export class Consumer {
	requests = 0;
	/** Requests that came to nothing, for whatever reason. */
	refused = 0;
	/** Answers 401 after which the same request was sent again. */
	retried = 0;
	readonly tokens = new Set<string>();
	readonly #options: ConsumerOptions;
	readonly #running: Promise<void>;
	#isOver = false;
	#isRefused = false;
	#changedAt = 0;
	#token = "";

	constructor(options: ConsumerOptions) {
		this.#options = options;
		this.#running = this.#run();
	}

	async stop(): Promise<void> {
		this.#isOver = true;
		await this.#running;
	}

	async #run(): Promise<void> {
		for (; !this.#isOver; await pause(EVERY)) {
			this.#look();
			if (this.#token !== "") await this.#request();
		}
	}

	#look(): void {
		const { file, onToken } = this.#options;
		const changedAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
		if (changedAt === undefined || changedAt === this.#changedAt) return;
		this.#changedAt = changedAt;
		const { claudeAiOauth } = JSON.parse(readFileSync(file, "utf8")) as {
			claudeAiOauth: { accessToken: string };
		};
		this.#token = claudeAiOauth.accessToken;
		if (this.tokens.has(this.#token)) return;
		this.tokens.add(this.#token);
		onToken(this.requests + 1);
	}

	async #request(): Promise<void> {
		this.requests += 1;
		const until = performance.now() + this.#options.patience;
		let trouble = await this.#send();
		while (trouble === "401" && performance.now() < until) {
			this.retried += 1;
			await pause(AGAIN);
			this.#look();
			trouble = await this.#send();
		}
		if (trouble !== undefined) {
			this.refused += 1;
			if (!this.#isRefused) this.#options.onRefused(this.requests, trouble);
		}
		this.#isRefused = trouble !== undefined;
	}

	/** Undefined when it was answered well. */
	async #send(): Promise<string | undefined> {
		try {
			const reply = await fetch(`${this.#options.url}/v1/messages`, {
				method: "POST",
				headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
				body: JSON.stringify({ model: "any", messages: [{ role: "user", content: "hi" }] }),
			});
			await reply.arrayBuffer();
			return reply.ok ? undefined : String(reply.status);
		} catch (error) {
			return error instanceof Error ? error.name : "no answer";
		}
	}
}
