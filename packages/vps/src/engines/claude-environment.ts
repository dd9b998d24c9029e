/** What claude may see of the service's environment when it refreshes: this, and nothing else of it. */

const PASSED_ON = ["PATH", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/** Where programs are, if nobody says. */
const USUAL_PATH = "/usr/local/bin:/usr/bin:/bin";

/** How claude reaches the provider, as it is configured for the service. */
export interface ClaudeNetwork {
	/** Without a password: claude's environment is no place for one. */
	readonly proxy: string | undefined;
	/** Hosts that are gone to without it. */
	readonly except: readonly string[];
	/** Certificates in PEM that are trusted as well, absolute. */
	readonly ca: string | undefined;
}

export function claudeEnvironment(
	environment: Readonly<Record<string, string | undefined>>,
	{ proxy, except, ca }: ClaudeNetwork,
): Record<string, string> {
	const passed = PASSED_ON.flatMap((name) => {
		const value = environment[name];
		return value === undefined || value === "" ? [] : [[name, value] as const];
	});
	return {
		PATH: USUAL_PATH,
		...Object.fromEntries(passed),
		...(proxy === undefined ? {} : { HTTPS_PROXY: proxy }),
		...(proxy === undefined || except.length === 0 ? {} : { NO_PROXY: except.join(",") }),
		...(ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca }),
	};
}
