/**
 * `--json`: the last line of stdout is one object whose counts are numbers.
 *
 * npm keeps a `--json` that stands before `--` to itself and tells it in a variable, so both
 * `npm run check --json` and `npm run check -- --json` are heard.
 */
const FLAG = "--json";

function wantsFacts(): boolean {
	return process.argv.includes(FLAG) || process.env.npm_config_json === "true";
}

/** The arguments that are not `--json`. */
export function otherArguments(): string[] {
	return process.argv.slice(2).filter((argument) => argument !== FLAG);
}

type Fact =
	| boolean
	| number
	| Readonly<Record<string, number>>
	| readonly (string | Record<string, string | boolean>)[];

export function printFacts(facts: Record<string, Fact>): void {
	if (wantsFacts()) console.log(JSON.stringify(facts));
}
