/** Who may speak to a host, and how one is forgotten. */
import { createHash } from "node:crypto";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stopAllChildren } from "../parts/child-process.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { makeSshKey } from "../parts/ssh-key.ts";
import { type BatondHost, connectDevice, deliver, makeBatondHost, offerOf } from "./batond-host.ts";
import { until } from "./stories/until.ts";

let provider: OAuthServer;
let host: BatondHost;
let file: string;

const MINE = "# my own\nssh-rsa AAAAB3Nza me\n";
const lineOf = (device: string, options = "restrict,") =>
	`${options}command="/home/me/.local/bin/batond accept --device ${device}" ${makeSshKey().publicKey} baton:${device}\n`;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 600 });
	host = makeBatondHost(provider);
	mkdirSync(host.scratch.at(".ssh"), { mode: 0o700 });
	file = host.scratch.at(".ssh", "authorized_keys");
	writeFileSync(file, MINE + lineOf("laptop") + lineOf("desktop"), { mode: 0o600 });
});
afterEach(async () => {
	await stopAllChildren();
	await provider.close();
	host.scratch.remove();
});

const stateIs = (state: string) =>
	until(`it is ${state}`, async () => (await host.status()).state === state);
const json = async (...args: string[]) => JSON.parse((await host.run(...args, "--json")).stdout);
const audit = () => readFileSync(join(host.stateFolder, "audit.jsonl"), "utf8");

async function holding(device: string): Promise<void> {
	const from = await connectDevice(host, device);
	await deliver(from, await provider.mintLogin());
	await stateIs("held");
	from.child.endInput();
	await from.child.ended();
}

describe("devices", () => {
	test("names each with its key, its last word and what it handed over; warns of a loose line", async () => {
		await host.serve();
		writeFileSync(file, MINE + lineOf("laptop") + lineOf("desktop", ""));
		await holding("laptop");
		const { stdout, code } = await host.run("devices");
		expect(code).toBe(0);
		const [, key = ""] = readFileSync(file, "utf8").match(/ssh-ed25519 (\S+) baton:laptop/) ?? [];
		const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
		const fingerprint = `SHA256:${digest.replace("=", "")}`;
		expect(stdout).toContain(`\nlaptop\n  ssh-ed25519 ${fingerprint}, restricted (line 3)\n`);
		expect(stdout).toMatch(/last spoke \d+ s ago\n {2}handed over login [0-9a-f]{16} of default\n/);
		expect(stdout).toMatch(/\ndesktop\n.*NOT RESTRICTED \(line 4\)\n {4}warning: without restrict/);
		expect(stdout).toContain("has not spoken yet");
		const facts = await json("devices");
		expect(facts).toMatchObject({
			file,
			service: "running",
			devices: [
				{ device: "laptop", keys: [{ line: 3, fingerprint, restricted: true }], open: 0 },
				{ device: "desktop", keys: [{ restricted: false, loose: ["unrestricted"] }] },
			],
		});
	});

	test("reads another file, and tells without the service what can be told", async () => {
		const other = host.scratch.at("keys");
		writeFileSync(other, lineOf("tablet"));
		const { stdout, code } = await host.run("devices", "--authorized-keys", other);
		expect(code).toBe(0);
		expect(stdout).toContain("\ntablet\n");
		expect(stdout).toContain("the service is not running");
		rmSync(file);
		expect((await host.run("devices")).stdout).toContain(`no device has a line in ${file}`);
	});

	test("the last word of a device outlives the service", async () => {
		const service = await host.serve();
		await holding("laptop");
		const [{ lastContact }] = (await json("devices")).devices;
		service.kill("SIGKILL");
		await service.ended();
		await host.serve();
		const [after] = (await json("devices")).devices;
		expect(Math.abs(after.lastContact - lastContact)).toBeLessThan(60_000);
	});
});

describe("forget", () => {
	test("takes out its line and no other byte, and the login it handed over goes on", async () => {
		await host.serve();
		await holding("laptop");
		chmodSync(file, 0o640);
		const [, , , desktop] = readFileSync(file, "utf8").split("\n");
		const { stdout, code } = await host.run("forget", "laptop", "--yes");
		expect(code).toBe(0);
		expect(readFileSync(file, "utf8")).toBe(`${MINE}${desktop}\n`);
		expect(statSync(file).mode & 0o777).toBe(0o640);
		expect(stdout).toContain(`took line 3 out of ${file}`);
		expect(stdout).toMatch(/login [0-9a-f]{16} of default, which it handed over, goes on/);
		expect(await host.status()).toMatchObject({ state: "held", device: "laptop" });
		expect((await host.run("token")).code).toBe(0);
		expect(audit()).toMatch(/"what":"device-forgotten","device":"laptop"/);
		const facts = await json("devices");
		expect(facts.devices[1]).toMatchObject({ device: "laptop", forgottenAt: expect.any(Number) });
	});

	test("ends what it had open, refuses it after a restart too, until it has a line again", async () => {
		let service = await host.serve();
		const device = await connectDevice(host);
		const { type } = await device.ask(offerOf(await provider.mintLogin()));
		expect(type).toBe("accept");
		const line = readFileSync(file, "utf8").split("\n")[2];
		expect(await json("forget", "laptop", "--yes")).toMatchObject({
			ok: true,
			device: "laptop",
			removed: [{ line: 3 }],
			service: "told",
			ended: 1,
		});
		await device.child.ended();
		// The place it had been promised is free for another one.
		const other = await connectDevice(host, "desktop");
		expect(await other.ask(offerOf(await provider.mintLogin()))).toMatchObject({ type: "accept" });
		// Through an SSH connection that was open before.
		await expectRefused();
		service.kill("SIGKILL");
		await service.ended();
		service = await host.serve();
		await expectRefused();
		writeFileSync(file, `${readFileSync(file, "utf8")}${line}\n`);
		const again = await connectDevice(host);
		expect(await again.ask({ type: "status" })).toMatchObject({ type: "status" });
	});

	async function expectRefused(): Promise<void> {
		const device = await connectDevice(host);
		device.say('{"v":1,"id":"x","type":"status"}');
		expect(await device.child.line(/"type":"refused"/)).toContain("forgotten");
		await device.child.ended();
	}

	test("leaves a login that is not claimed yet, and says what that means", async () => {
		await host.serve();
		await provider.inject("token", { kind: "status", status: 503 }, "until-cleared");
		const device = await connectDevice(host);
		await deliver(device, await provider.mintLogin());
		await stateIs("staged");
		const { stdout } = await host.run("forget", "laptop", "--yes");
		expect(stdout).toContain("from laptop is here and not claimed yet; it stays");
		await provider.clearFaults();
		await stateIs("held");
	});

	test("works without the service, which refuses the device once it starts", async () => {
		const service = await host.serve();
		service.kill("SIGTERM");
		await service.ended();
		const { stdout, code } = await host.run("forget", "laptop", "--yes");
		expect({ code, stdout }).toMatchObject({
			code: 0,
			stdout: expect.stringContaining("the service is not running"),
		});
		expect(readFileSync(file, "utf8")).not.toContain("laptop");
		expect(audit()).toContain("device-forgotten");
		await host.serve();
		await expectRefused();
	});

	test("where no service ever ran it makes no state of its own", async () => {
		expect((await host.run("forget", "laptop", "--yes")).code).toBe(0);
		expect(existsSync(host.stateFolder)).toBe(false);
	});

	test("asks before, and without a terminal or for nobody nothing is touched", async () => {
		await host.serve();
		const before = readFileSync(file);
		expect(await host.run("forget", "laptop")).toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/^error: .*no terminal.*\nnext: .*--yes\n$/),
		});
		expect(await host.run("forget", "latpop", "--yes")).toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/did you mean laptop\? there is laptop, desktop/),
		});
		const link = host.scratch.at("link");
		symlinkSync(file, link);
		expect(await host.run("forget", "laptop", "--yes", "--authorized-keys", link)).toMatchObject({
			code: 1,
			stderr: expect.stringContaining(`next: name the file itself: --authorized-keys ${file}`),
		});
		expect(readFileSync(file).equals(before)).toBe(true);
		const device = await connectDevice(host);
		expect(await device.ask({ type: "status" })).toMatchObject({ type: "status" });
	});
});
