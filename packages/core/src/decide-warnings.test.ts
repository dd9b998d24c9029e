import { beforeEach, expect, test } from "vitest";
import {
	CALM,
	decideWarnings,
	type Matter,
	type Message,
	NO_WARNINGS,
	nextSendAt,
	OUTBOX_MAX,
	startWarnings,
	type WarningEvent,
	type WarningMemory,
	type WarningState,
} from "./decide-warnings.ts";
import { HOUR, MINUTE, SECOND } from "./duration.ts";

const NOW = 1_800_000_000_000;

function matter(more: Partial<Matter> = {}): Matter {
	return {
		key: "default/login",
		news: "lost.1",
		name: "default",
		what: "needs-login",
		text: "needs a new login",
		next: "make one",
		over: "has a login again",
		patience: 0,
		...more,
	};
}

let state: WarningState;
let saved: WarningMemory;
/** What an outlet was given, in order. */
let sent: { outlet: string; message: Message; missed: number }[];
let now: number;

beforeEach(() => {
	now = NOW;
	sent = [];
	saved = NO_WARNINGS;
	state = startWarnings(NO_WARNINGS, ["phone"]);
});

function tell(event: WarningEvent): void {
	const decision = decideWarnings(state, event, now);
	state = decision.state;
	for (const effect of decision.effects) {
		if (effect.type === "save") saved = effect.memory;
		else sent.push(effect);
	}
}

/** The service starts again on what was saved. */
function restart(...outlets: string[]): void {
	state = startWarnings(saved, outlets);
}

function look(...matters: Matter[]): void {
	tell({ type: "looked", matters });
}

/** Whatever was sent last has arrived. */
function arrive(): void {
	const last = sent.at(-1);
	if (last === undefined) throw new Error("nothing was sent");
	tell({ type: "sent", outlet: last.outlet, id: last.message.id });
}

function fail(): void {
	const last = sent.at(-1);
	tell({ type: "failed", outlet: last?.outlet ?? "", why: "answered 500", random: 0 });
}

function texts(): string[] {
	return sent.map(({ message }) => `${message.kind} ${message.text}`);
}

test("what stands is told once, however often it is looked at", () => {
	for (let minute = 0; minute < 60; minute += 1) {
		look(matter());
		if (minute === 0) arrive();
		now += MINUTE;
	}
	expect(texts()).toEqual(["warning needs a new login"]);
	expect(sent[0]?.message).toMatchObject({ name: "default", next: "make one", at: NOW });
});

test("a restart repeats nothing that arrived, and loses nothing that did not", () => {
	look(matter());
	restart("phone");
	look(matter());
	expect(texts()).toEqual(["warning needs a new login", "warning needs a new login"]);
	expect(sent[0]?.message.id).toBe(sent[1]?.message.id);
	arrive();
	restart("phone");
	look(matter());
	now += HOUR;
	look(matter());
	expect(sent).toHaveLength(2);
});

test("memory is durable before anything is sent", () => {
	const { effects } = decideWarnings(state, { type: "looked", matters: [matter()] }, now);
	expect(effects.map(({ type }) => type)).toEqual(["save", "send"]);
});

test("news of the same matter is told, and the matter is not said to be over between", () => {
	look(matter({ news: "14", text: "ends in 14 days" }));
	arrive();
	look(matter({ news: "7", text: "ends in 7 days" }));
	arrive();
	now += HOUR;
	look(matter({ news: "7", text: "ends in 6 days" }));
	expect(texts()).toEqual(["warning ends in 14 days", "warning ends in 7 days"]);
});

test("what is over is said once, after it stayed away for a while", () => {
	look(matter());
	arrive();
	look();
	now += CALM - 1;
	look();
	expect(sent).toHaveLength(1);
	now += 1;
	look();
	arrive();
	now += HOUR;
	look();
	expect(texts()).toEqual(["warning needs a new login", "over has a login again"]);
	expect(saved.told).toEqual({});
});

test("what comes back before that was never over, and is not told again", () => {
	look(matter());
	arrive();
	look();
	now += CALM - 1;
	look(matter());
	now += CALM - 1;
	look();
	now += 1;
	look();
	expect(sent).toHaveLength(1);
});

test("what was told and is gone after a restart is said to be over", () => {
	look(matter());
	arrive();
	restart("phone");
	look();
	now += CALM;
	look();
	expect(texts().at(-1)).toBe("over has a login again");
});

test("what goes by itself within its patience is never told, nor that it is over", () => {
	const lag = matter({ key: "default/sink/s", patience: 15 * MINUTE });
	for (const stands of [true, false, true]) {
		for (let minute = 0; minute < 14; minute += 1) {
			look(...(stands ? [lag] : []));
			now += MINUTE;
		}
	}
	expect(sent).toEqual([]);
	now += MINUTE;
	look(lag);
	expect(sent).toHaveLength(1);
});

test("a clock that steps back neither hastens nor repeats a warning", () => {
	const lag = matter({ patience: 15 * MINUTE });
	look(lag);
	now -= 10 * HOUR;
	look(lag);
	now += 14 * MINUTE;
	look(lag);
	expect(sent).toHaveLength(0);
	now += MINUTE;
	look(lag);
	arrive();
	now -= 10 * HOUR;
	look(lag);
	expect(sent).toHaveLength(1);
});

test("what fails is tried again, more and more seldom, and the next one waits its turn", () => {
	look(matter());
	look(matter(), matter({ key: "default/state", text: "cannot save" }));
	const gaps: number[] = [];
	for (let attempt = 0; attempt < 6; attempt += 1) {
		fail();
		gaps.push(nextSendAt(state) - now);
		now = nextSendAt(state) - 1;
		look(matter(), matter({ key: "default/state", text: "cannot save" }));
		expect(sent).toHaveLength(attempt + 1);
		now += 1;
		look(matter(), matter({ key: "default/state", text: "cannot save" }));
	}
	expect(gaps).toEqual([10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, HOUR]);
	expect(new Set(texts())).toEqual(new Set(["warning needs a new login"]));
	expect(state.outlets.phone?.trouble).toBe("answered 500");
	arrive();
	expect(texts().at(-1)).toBe("warning cannot save");
	expect(state.outlets.phone?.trouble).toBeUndefined();
});

test("a clock that stepped back does not put the next attempt off", () => {
	look(matter());
	fail();
	now -= 10 * HOUR;
	look(matter());
	expect(sent).toHaveLength(2);
});

test("an outlet that is out of order keeps the newest, and says how many were given up", () => {
	look(matter());
	fail();
	for (let news = 2; news <= OUTBOX_MAX + 3; news += 1) look(matter({ news: String(news) }));
	expect(saved.outboxes.phone?.messages).toHaveLength(OUTBOX_MAX);
	now += HOUR;
	look(matter({ news: String(OUTBOX_MAX + 3) }));
	expect(sent.at(-1)).toMatchObject({ missed: 3, message: { id: "default/login/4" } });
	arrive();
	expect(sent.at(-1)).toMatchObject({ missed: 0, message: { id: "default/login/5" } });
});

test("one outlet holds up no other", () => {
	state = startWarnings(NO_WARNINGS, ["phone", "mail"]);
	look(matter());
	expect(sent.map(({ outlet }) => outlet)).toEqual(["phone", "mail"]);
	arrive();
	look(matter({ news: "2" }));
	expect(sent.map(({ outlet }) => outlet)).toEqual(["phone", "mail", "mail"]);
});

test("an outlet that the settings name no more is let go of, and a new one hears what comes", () => {
	look(matter());
	restart("mail");
	look(matter(), matter({ key: "default/state", text: "cannot save" }));
	expect(sent.slice(1).map(({ outlet }) => outlet)).toEqual(["mail"]);
	expect(texts().at(-1)).toBe("warning cannot save");
	expect(Object.keys(saved.outboxes)).toEqual(["mail"]);
});
