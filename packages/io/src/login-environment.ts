/** The environment in which claude makes a login: this machine's, without what would lead it elsewhere. */

/** Another way to sign in, another provider, another place, another session: none is for this login. */
const CLAUDES_OWN = /^(ANTHROPIC|CLAUDE|CLAUDECODE$)/i;

/** Of claude's own: how it reaches the provider, and its documented way to log in without a browser. */
const KEPT: readonly string[] = [
	"CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
	"CLAUDE_CODE_OAUTH_SCOPES",
	"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
	"CLAUDE_CODE_CERT_STORE",
	"CLAUDE_CODE_CLIENT_CERT",
	"CLAUDE_CODE_CLIENT_KEY",
	"CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
	"CLAUDE_CODE_PROXY_RESOLVES_HOSTS",
];

/** @param folder where the login is to lie */
export function claudeEnvironment(
	env: Readonly<Record<string, string | undefined>>,
	folder: string,
): Record<string, string> {
	const passed = Object.entries(env).flatMap(([name, value]) => {
		const isKept = !CLAUDES_OWN.test(name) || KEPT.includes(name);
		return value === undefined || !isKept ? [] : [[name, value] as const];
	});
	return { ...Object.fromEntries(passed), CLAUDE_CONFIG_DIR: folder };
}
