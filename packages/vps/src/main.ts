import { VERSION } from "@baton/io/version";

console.log(VERSION);
