import { defineConfig } from "vitest/config";

/** Tests that start built programs, an sshd or a whole machine. */
const PROGRAMS = ["test/e2e/**/*.test.ts", "test/vps/**/*.test.ts"];

export default defineConfig({
	test: {
		projects: [
			{
				extends: true,
				test: {
					name: "unit",
					include: ["packages/**/*.test.ts", "scripts/**/*.test.ts", "test/**/*.test.ts"],
					exclude: [...PROGRAMS, "**/node_modules/**", "**/dist/**"],
					testTimeout: 10_000,
				},
			},
			{
				extends: true,
				test: {
					name: "e2e",
					include: PROGRAMS,
					testTimeout: 120_000,
					hookTimeout: 120_000,
					// A poll ends as soon as it is satisfied; on a busy machine that takes a while.
					expect: { poll: { timeout: 20_000 } },
					// Each of these keeps several processes busy: two files at a time, after the quick ones.
					maxWorkers: 2,
					sequence: { groupOrder: 1 },
				},
			},
		],
	},
});
