import { expect, test } from "vitest";
import { killPoints, pointName } from "./kill-point.ts";

test("each call that does something is a point, counted among all of its kind and thread", () => {
	const main = [
		'write(2<UNIX-STREAM:[1->2]>, "x", 1) = 1',
		'write(9<anon_inode:[eventfd]>, "\\1", 8) = 8',
		'write(21<TCP:[127.0.0.1:1->127.0.0.1:2]>, "x", 1) = 1',
		'read(21<TCP:[127.0.0.1:1->127.0.0.1:2]>, "x", 1) = 1',
		'read(22</etc/machine-id>, "x", 1) = 1',
		"+++ killed by SIGKILL +++",
	].join("\n");
	const other = 'rename("/a", "/b") = 0\nfsync(4</a>) = 0\nfsync(4</b>) = 0\n';
	expect(killPoints([main, other]).map(pointName)).toEqual([
		"main thread, write 1",
		"main thread, write 3",
		"main thread, read 1",
		"thread 1, rename 1",
		"thread 1, fsync 1",
		"thread 1, fsync 2",
	]);
});
