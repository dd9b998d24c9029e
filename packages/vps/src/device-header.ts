/**
 * The first line on the device socket. `batond accept` writes it from its own command line, which only
 * `authorized_keys` sets; what the device itself sends comes after.
 */

import { BatonError } from "@baton/core/error";

const DEVICE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function isDevice(name: string): boolean {
	return DEVICE.test(name);
}

/** @throws BatonError `usage` for a name that is none */
export function formatDeviceHeader(device: string): string {
	if (!DEVICE.test(device)) {
		throw new BatonError("usage", "a device's name has letters, digits, dots, dashes, 64 at most");
	}
	return `${JSON.stringify({ v: 1, type: "device", device })}\n`;
}

/** @throws BatonError `bad-message` */
export function parseDeviceHeader(line: string): string {
	const header = parse(line);
	const { v, type, device } = header;
	if (v !== 1 || type !== "device" || typeof device !== "string" || !DEVICE.test(device)) {
		throw new BatonError("bad-message", "the first line names no device");
	}
	return device;
}

function parse(line: string): Record<string, unknown> {
	try {
		const value: unknown = JSON.parse(line);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		return {};
	}
}
