import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { systemClock } from "@baton/io/clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { execSink } from "../../packages/vps/src/sinks/exec.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { accessToken } from "./open-sink.ts";
import { sinkContract } from "./sink-contract.ts";

const PATH = process.env.PATH ?? "";

function writeProgram(path: string, script: string): void {
	writeFileSync(path, `#!/bin/sh\n${script}\n`);
	chmodSync(path, 0o755);
}

sinkContract({
	name: "exec",
	make(scratch) {
		const program = scratch.at("publish");
		const got = scratch.at("got");
		writeProgram(program, `cat > ${got}`);
		return {
			sink: execSink({
				name: "exec",
				command: [program],
				timeoutMs: 5_000,
				environment: { PATH },
				clock: systemClock,
			}),
			held: () => (existsSync(got) ? JSON.parse(readFileSync(got, "utf8")).accessToken : undefined),
			everything: () => readFileSync(got, "utf8"),
			block: () => renameSync(program, `${program}.gone`),
			unblock: () => {
				if (existsSync(`${program}.gone`)) renameSync(`${program}.gone`, program);
			},
		};
	},
});

describe("an exec sink", () => {
	let scratch: Scratch;
	beforeEach(() => {
		scratch = makeScratch();
	});
	afterEach(() => scratch.remove());

	function sinkOf(command: readonly [string, ...string[]], timeoutMs = 5_000) {
		const environment = { PATH, HOME: scratch.path, SECRET_OF_THE_SERVICE: "yes" };
		return execSink({ name: "exec", command, timeoutMs, environment, clock: systemClock });
	}

	test("is given one JSON object, without a refresh token, and its arguments as they are", async () => {
		writeProgram(scratch.at("program"), 'cat > "$1"; printf %s "$2" >> "$1"');
		const argument = "$(id) 'a' \"b\"; c";
		await sinkOf([scratch.at("program"), scratch.at("got"), argument]).write(
			accessToken("sk-1", 7),
		);
		const [line, rest] = readFileSync(scratch.at("got"), "utf8").split("\n");
		expect(JSON.parse(line ?? "")).toEqual({
			name: "default",
			accessToken: "sk-1",
			expiresAt: 1_900_000_000_000,
			generation: 7,
		});
		expect(rest).toBe(argument);
	});

	test("has an environment of its own", async () => {
		await sinkOf(["sh", "-c", `env > ${scratch.at("env")}`]).write(accessToken("sk-1"));
		const env = readFileSync(scratch.at("env"), "utf8");
		expect(env).toContain(`HOME=${scratch.path}`);
		expect(env).not.toContain("SECRET_OF_THE_SERVICE");
		expect(env).not.toContain("sk-1");
	});

	test("that ends with another code has failed, and what it said is not repeated", async () => {
		const sink = sinkOf(["sh", "-c", "cat; cat >&2; exit 3"]);
		const failure = await sink.write(accessToken("sk-1")).catch((error: Error) => error);
		expect(failure).toMatchObject({ message: expect.stringContaining("ended with 3") });
		expect(JSON.stringify(failure)).not.toContain("sk-1");
	});

	test("that reads nothing is no fault of its own", async () => {
		expect(await sinkOf(["true"]).write(accessToken("sk-1"))).toMatchObject({ kind: "written" });
	});

	test("that is a folder, or cannot be run, is not proved", async () => {
		await expect(sinkOf([scratch.path]).prove()).rejects.toMatchObject({ code: "unsafe-path" });
		writeFileSync(scratch.at("text"), "", { mode: 0o600 });
		await expect(sinkOf([scratch.at("text")]).prove()).rejects.toThrow(/no program/);
		await expect(sinkOf(["no-such-program"]).prove()).rejects.toThrow(/no program/);
		await sinkOf(["true"]).prove();
	});

	test("that never ends is ended", async () => {
		const sink = sinkOf(["sh", "-c", "sleep 60"], 300);
		await expect(sink.write(accessToken("sk-1"))).rejects.toMatchObject({ code: "timed-out" });
	});
});
