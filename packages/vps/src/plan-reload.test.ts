import { expect, test } from "vitest";
import { planReload } from "./plan-reload.ts";
import { type Settings, settingsSchema } from "./settings.ts";

const settings = (given: object): Settings => settingsSchema.parse(given);
const RUNNING = settings({});

const HOOK = { type: "webhook", url: "https://hook.example/x" };
const ENV = { type: "env-file", path: "/a/agent.env" };
const named = (...names: string[]) => ({
	names: Object.fromEntries(names.map((name) => [name, { sinks: {} }])),
});

test.each<[what: string, wanted: object, waiting: string[]]>([
	["nothing", {}, []],
	["$schema", { $schema: "./batond.schema.json" }, []],
	["refresh", { refresh: { before: "1h" } }, []],
	["waits", { timing: { deadConfirm: "1s", lookAtSinks: "1s" } }, []],
	["a sink", { names: { default: { sinks: { env: ENV } } } }, []],
	["the request limit", { timing: { requestLimit: "3s" } }, ["timing.requestLimit"]],
	["the provider", { provider: { tokenUrl: "https://p.example/t" } }, ["provider"]],
	["the proxy alone", { provider: { proxy: "http://proxy.example:3128" } }, ["provider"]],
	["the engine", { engine: "http" }, ["engine"]],
	["the program of one", { claude: "/opt/claude" }, ["claude"]],
	["the port of the metrics", { metrics: { port: 9100 } }, ["metrics"]],
	["who is warned", { warnings: { hook: HOOK } }, ["warnings"]],
	["a name more", named("default", "work"), ["names.work"]],
	["another name", named("work"), ["names.default", "names.work"]],
])(
	"%s changed: what waits for a restart is named, and all else is in force",
	(_what, given, waiting) => {
		const wanted = settings(given);
		const plan = planReload(RUNNING, wanted);
		expect([...plan.waiting].sort()).toEqual(waiting);
		for (const key of Object.keys(settingsSchema.def.shape) as (keyof Settings)[]) {
			// It is for editors.
			if (key === "$schema") continue;
			const waits = waiting.some((one) => one === key || one.startsWith(`${key}.`));
			if (!waits) expect(plan.settings[key], key).toEqual(wanted[key]);
			else if (key !== "timing") expect(plan.settings[key], key).toEqual(RUNNING[key]);
		}
		// Read once more it is the same, and set back nothing waits.
		expect(planReload(plan.settings, wanted)).toEqual(plan);
		expect(planReload(plan.settings, RUNNING).waiting).toEqual([]);
	},
);

test("a sink that would write what one of a name that is going still writes waits with it", () => {
	const running = settings({ names: { one: { sinks: { env: ENV } }, two: { sinks: {} } } });
	const wanted = settings({ names: { two: { sinks: { env: ENV } } } });
	const { settings: mixed, waiting } = planReload(running, wanted);
	expect([mixed.names, waiting]).toEqual([running.names, ["names"]]);
});
