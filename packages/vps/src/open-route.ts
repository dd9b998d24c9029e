/** Makes the way to the provider from settings and environment; what is wrong with either shows here. */

import type { Route } from "./engines/route.ts";
import { findProxy } from "./find-proxy.ts";
import { loadTrust } from "./load-trust.ts";
import type { ProviderSettings } from "./settings.ts";

/** @throws BatonError `bad-settings`, never showing a password; `unsafe-path`, `disk-failed` */
export async function openRoute(
	settings: Omit<ProviderSettings, "revokeUrl">,
	environment: NodeJS.ProcessEnv,
): Promise<Route> {
	const { ca } = settings;
	const trust = ca === undefined ? undefined : await loadTrust(ca, environment);
	return { proxy: await findProxy(settings, environment), trust };
}
