/** What a command of the person's own gets of the service's environment: nothing that may be a secret. */

const PASSED_ON = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"];

export function commandEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
	const entries = PASSED_ON.map((key) => [key, environment[key]] as const);
	return Object.fromEntries(entries.filter((entry): entry is [string, string] => !!entry[1]));
}
