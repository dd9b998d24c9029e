/** How a host is asked, whatever lies between. */

import type { Answer, Request } from "@baton/core/protocol";

export interface HostLink {
	/**
	 * Sends one request and waits for its answer. It yields exactly one or throws, within its time
	 * limit; a request that threw may have arrived all the same.
	 *
	 * @throws BatonError `host-unreachable`, `host-key-changed`, `key-refused`, `service-unavailable`,
	 * `timed-out`, `bad-message`, or what reading the device's key throws
	 */
	ask(request: Request): Promise<Answer>;
	/** Ends what is open; a request under way throws. The next one opens it again. */
	close(): void;
}
