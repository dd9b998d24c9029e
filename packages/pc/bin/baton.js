#!/usr/bin/env node
// Committed, because npm links no command whose file is missing at install. Plain old syntax and an
// import only at the end, so that a Node too old still gets to say so.
import fs from "fs";

var version = process.versions.node.split(".").map(Number);
var bundle = new URL("../dist/baton.mjs", import.meta.url);

if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
	console.error("baton needs node 20.19 or newer, this is " + process.versions.node);
	process.exit(1);
} else if (!fs.existsSync(bundle)) {
	console.error("not built yet: run npm run build");
	process.exit(1);
} else {
	void import(bundle.href);
}
