/**
 * Stands in for `batond accept`: answers each request as a script says, to try a PC against a host that
 * does just one thing.
 *
 * The one argument is a folder. `answers.json` in it holds, by type of request, what is answered: a body
 * to which id, fingerprint and lineage are added, or `"silence"`. `noise.txt`, if it is there, is printed first.
 * Each request is added to `asked.log` by type and fingerprint, and never with its session.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

interface Asked {
	id: string;
	type: string;
	fp?: string;
}

const folder = process.argv[2] ?? ".";
const noise = join(folder, "noise.txt");
if (existsSync(noise)) process.stdout.write(readFileSync(noise));

createInterface({ input: process.stdin }).on("line", (line) => {
	const { id, type, fp } = JSON.parse(line) as Asked;
	appendFileSync(join(folder, "asked.log"), `${type} ${fp ?? ""}\n`);
	const answers = JSON.parse(readFileSync(join(folder, "answers.json"), "utf8"));
	const body: object | "silence" | undefined = answers[type];
	if (body === undefined || body === "silence") return;
	const about = fp === undefined ? {} : { fp, lineageId: fp.slice(0, 16) };
	process.stdout.write(`${JSON.stringify({ v: 1, id, ...about, ...body })}\n`);
});
