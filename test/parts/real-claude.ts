/**
 * The official claude for a test: one version, in a folder of its own below `build/`, brought by npm when
 * a test first asks for it. It is no dependency, for it has some 380 MB.
 *
 * It may reach loopback servers only: its one way out is a front of the test's own.
 */
import { accessSync, constants, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChild } from "./child-process.ts";
import type { TlsFront } from "./tls-front.ts";

const VERSION = "2.1.330";
const FOLDER = fileURLToPath(new URL(`../../build/claude-${VERSION}`, import.meta.url));
const INSTALL_LIMIT = 240_000;

export interface RealClaude {
	readonly path: string;
	/** Why there is none at that path. */
	readonly missing: string | undefined;
}

/** Brings it when it is not there yet. */
export async function provideRealClaude(): Promise<RealClaude> {
	const name = `@anthropic-ai/claude-code-linux-${process.arch}`;
	const path = join(FOLDER, "node_modules", name, "claude");
	if (process.platform !== "linux") return { path, missing: "only the one for Linux is kept here" };
	if (isRunnable(path)) return { path, missing: undefined };
	const said = await install(`${name}@${VERSION}`);
	if (isRunnable(path)) return { path, missing: undefined };
	const missing = `npm could not bring ${name}: ${said}`;
	console.log(`missing: ${missing}`);
	return { path, missing };
}

/**
 * Beside its place first: another run may be at it too, and half a claude is none.
 *
 * @returns npm's last words
 */
async function install(wanted: string): Promise<string> {
	const folder = `${FOLDER}.${process.pid}`;
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
	const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
	const argv = ["npm", "install", "--prefix", folder, ...flags, wanted] as const;
	try {
		const env = npmEnvironment();
		const { code, stderr } = await runChild({ argv, env, cwd: folder, limitMs: INSTALL_LIMIT });
		if (code !== 0) return stderr.trim().split("\n").at(-1) ?? "";
		renameSync(folder, FOLDER);
		return "";
	} catch (error) {
		return error instanceof Error ? error.message : "it failed";
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Where npm finds its packages is this machine's to say. */
function npmEnvironment(): Record<string, string> {
	const wanted = /^(HOME|npm_config_\w+|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS)$/i;
	const entries = Object.entries(process.env).filter(([name]) => wanted.test(name));
	return Object.fromEntries(entries) as Record<string, string>;
}

function isRunnable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

/** What claude needs to see of the world, and no more. The front is its one way out. */
export function realClaudeEnvironment({ proxyUrl, caFile }: TlsFront): Record<string, string> {
	return {
		HTTPS_PROXY: proxyUrl,
		HTTP_PROXY: proxyUrl,
		NODE_EXTRA_CA_CERTS: caFile,
		DISABLE_AUTOUPDATER: "1",
		CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
	};
}

/** As it logs in without a browser: `claude auth login` takes these two. */
export function importForm(
	refreshToken: string,
	scopes: readonly string[],
): Record<string, string> {
	return {
		CLAUDE_CODE_OAUTH_REFRESH_TOKEN: refreshToken,
		CLAUDE_CODE_OAUTH_SCOPES: scopes.join(" "),
	};
}
