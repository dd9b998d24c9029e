/** A claude in a process of its own that refreshes once, so that it can be stopped or killed meanwhile. */
import { type FakeClaudeOptions, makeFakeClaude } from "./fake-claude.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as FakeClaudeOptions;
const outcome = await makeFakeClaude(options).refresh({ force: true });
process.stdout.write(`${outcome}\n`);
