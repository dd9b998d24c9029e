/**
 * `npm run build`: one file for each program, and the server's also beside the PC's, which takes it to
 * the VPS.
 *
 * `batond.mjs` holds everything and runs on a bare Node. `baton.mjs` holds our own packages only and
 * finds the rest, some of it native, in its dependencies.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { importedPackages, thirdPartyNotices } from "./bundled-packages.ts";
import { packageFolder, ROOT, readManifest } from "./project.ts";

/** What is sent over SSH at pairing has to stay small. */
const BATOND_LIMIT_BYTES = 1_000_000;

/** A CommonJS package inside an ES module has no `require` for Node's own modules unless given one. */
const REQUIRE =
	'import{createRequire as nodeRequire}from"node:module";const require=nodeRequire(import.meta.url);';

const PC = packageFolder("pc");
const VPS = packageFolder("vps");

interface Bundle {
	code: Uint8Array;
	metafile: Metafile;
}

async function bundle(folder: string, options: BuildOptions): Promise<Bundle> {
	const { outputFiles, metafile } = await build({
		absWorkingDir: ROOT,
		entryPoints: [join(folder, "src/main.ts")],
		outfile: join(folder, "dist/bundle.mjs"),
		write: false,
		bundle: true,
		platform: "node",
		format: "esm",
		target: "node20.19",
		// Names are kept whole: a stack trace from a stranger's VPS has to be readable.
		minifySyntax: true,
		minifyWhitespace: true,
		// packages/io/src/version.ts reads it.
		define: { BATON_VERSION: JSON.stringify(readManifest(folder).version) },
		metafile: true,
		logLevel: "warning",
		...options,
	});
	const code = outputFiles?.[0]?.contents;
	if (code === undefined || metafile === undefined) throw new Error("esbuild wrote nothing");
	return { code, metafile };
}

async function bundleBatond(): Promise<Bundle> {
	const batond = await bundle(VPS, { banner: { js: REQUIRE } });
	if (batond.code.length > BATOND_LIMIT_BYTES) {
		throw new Error(`batond.mjs has ${batond.code.length} bytes, more than ${BATOND_LIMIT_BYTES}`);
	}
	return batond;
}

async function bundleBaton(): Promise<Bundle> {
	const { dependencies, optionalDependencies } = readManifest(PC);
	const baton = await bundle(PC, {
		external: Object.keys({ ...dependencies, ...optionalDependencies }),
	});
	const unlisted = importedPackages(baton.metafile);
	if (unlisted.length > 0) {
		throw new Error(`packages/pc/package.json lacks dependencies: ${unlisted.join(", ")}`);
	}
	return baton;
}

/** Replaces the file whole, since a test or a service may be starting from it. */
function put(file: string, content: Uint8Array | string): void {
	mkdirSync(dirname(file), { recursive: true });
	const fresh = `${file}.${process.pid}`;
	writeFileSync(fresh, content);
	renameSync(fresh, file);
	console.log(`${relative(ROOT, file)}  ${Math.ceil(content.length / 1000)} kB`);
}

try {
	const [batond, baton] = [await bundleBatond(), await bundleBaton()];
	for (const folder of [VPS, PC]) {
		put(join(folder, "dist/batond.mjs"), batond.code);
		put(join(folder, "dist/NOTICES.txt"), thirdPartyNotices(batond.metafile));
	}
	put(join(PC, "dist/baton.mjs"), baton.code);
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
