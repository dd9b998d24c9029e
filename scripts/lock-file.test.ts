import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./project.ts";

interface Locked {
	optionalDependencies?: Record<string, string>;
	resolved?: string;
	link?: boolean;
}

const { packages }: { packages: Record<string, Locked> } = JSON.parse(
	readFileSync(join(ROOT, "package-lock.json"), "utf8"),
);

test("the lock file holds the native parts of every system, or npm ci fails on the others", () => {
	const wanted = Object.entries(packages).flatMap(([folder, { optionalDependencies = {} }]) =>
		Object.keys(optionalDependencies).map((name) => ({ folder, name })),
	);
	const missing = wanted.filter(({ folder, name }) => {
		const places = [`${folder}/node_modules/${name}`, `node_modules/${name}`];
		return places.every((place) => packages[place] === undefined);
	});
	expect(missing).toEqual([]);
});

test("the lock file names no registry", () => {
	const named = Object.values(packages).filter(({ resolved, link }) => resolved && !link);
	expect(named).toEqual([]);
});
