import { expect, it } from "vitest";
import { batonFolders } from "./paths.ts";

const home = "/home/a";

it("follows the XDG specification on Linux", () => {
	expect(batonFolders({ env: {}, home, platform: "linux" })).toEqual({
		config: "/home/a/.config/baton",
		state: "/home/a/.local/state/baton",
		runtime: "/home/a/.local/state/baton/run",
	});
	const env = { XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s/", XDG_RUNTIME_DIR: "/run/user/1" };
	expect(batonFolders({ env, home, platform: "linux" })).toEqual({
		config: "/c/baton",
		state: "/s/baton",
		runtime: "/run/user/1/baton",
	});
});

it("passes over empty and relative values", () => {
	const env = { XDG_CONFIG_HOME: "", XDG_STATE_HOME: "state", XDG_RUNTIME_DIR: "./run" };
	const platform = "linux";
	expect(batonFolders({ env, home, platform })).toEqual(batonFolders({ env: {}, home, platform }));
});

it("keeps to the places of macOS, unless told otherwise", () => {
	expect(batonFolders({ env: {}, home: "/Users/a", platform: "darwin" })).toEqual({
		config: "/Users/a/Library/Preferences/baton",
		state: "/Users/a/Library/Application Support/baton",
		runtime: "/Users/a/Library/Application Support/baton/run",
	});
	const env = { XDG_STATE_HOME: "/s" };
	expect(batonFolders({ env, home, platform: "darwin" }).state).toBe("/s/baton");
});

it("keeps to the places of Windows", () => {
	const env = { APPDATA: "D:\\R", LOCALAPPDATA: "D:\\L", XDG_STATE_HOME: "/s" };
	expect(batonFolders({ env, home: "C:\\Users\\a", platform: "win32" })).toEqual({
		config: "D:\\R\\baton\\Config",
		state: "D:\\L\\baton\\Data",
		runtime: "D:\\L\\baton\\Data\\run",
	});
	expect(batonFolders({ env: {}, home: "C:\\Users\\a", platform: "win32" }).config).toBe(
		"C:\\Users\\a\\AppData\\Roaming\\baton\\Config",
	);
});
