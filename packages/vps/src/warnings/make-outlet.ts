/** An outlet for warnings as the settings describe it. */

import type { Clock } from "@baton/io/clock";
import type { Argv } from "@baton/io/run-command";
import { atHome } from "../at-home.ts";
import type { Route } from "../engines/route.ts";
import type { OutletSettings } from "../settings.ts";
import { execOutlet } from "./exec-outlet.ts";
import type { Outlet } from "./outlet.ts";
import { webhookOutlet } from "./webhook-outlet.ts";

export interface OutletContext {
	readonly clock: Clock;
	readonly environment: NodeJS.ProcessEnv;
	readonly route: Route;
}

export function makeOutlet(name: string, settings: OutletSettings, context: OutletContext): Outlet {
	const { timeout: timeoutMs } = settings;
	if (settings.type === "exec") {
		return execOutlet({
			...context,
			name,
			command: settings.command as unknown as Argv,
			timeoutMs,
		});
	}
	const { url, header } = settings;
	const secret = header && { name: header.name, file: atHome(header.file) };
	return webhookOutlet({ name, url, header: secret, timeoutMs, route: context.route });
}
