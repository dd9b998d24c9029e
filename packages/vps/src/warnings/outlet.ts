/** A way by which warnings leave this machine. */

/** One JSON object, as the outlet is given it. Never with a secret. */
export interface OutgoingMessage {
	/** `over`: what was warned of is well again. */
	readonly kind: "warning" | "over" | "test";
	/** The same for one that is sent twice, as after a crash. */
	readonly id: string;
	/** This machine's name. */
	readonly host: string;
	/** The custody name; absent in a test. */
	readonly name?: string;
	/** Its kind, for programs. */
	readonly what?: string;
	/** The whole of it, for people, next step included. */
	readonly text: string;
	readonly next?: string;
	/** When it came to be, as ISO 8601. */
	readonly at: string;
	/** Messages given up before this one, while the outlet was out of order. */
	readonly missed?: number;
}

export interface Outlet {
	readonly name: string;
	/** Resolves once it was taken. @throws BatonError saying why it was not, within its time limit */
	send(message: OutgoingMessage): Promise<void>;
}
