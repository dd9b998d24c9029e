/** What the service does when a command asks it to take over a login that lies on this machine. */

import { HERE } from "@baton/core/import-login";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import type { AnswerBody } from "@baton/core/protocol";
import { Secret } from "@baton/core/secret";
import { type Session, setupTokenSession } from "@baton/core/session";
import type { Clock } from "@baton/io/clock";
import type { ControlRequest, ImportAnswer } from "./control-message.ts";
import type { Custodian } from "./custodian.ts";
import { disarmSource, readSource } from "./import-source.ts";

type ImportRequest = Extract<ControlRequest, { type: "import" | "import-token" }>;

/** @throws BatonError as `readSource` does */
export async function answerImport(
	request: ImportRequest,
	custodian: Custodian,
	clock: Clock,
): Promise<ImportAnswer> {
	const { path, session } = await sourceOf(request);
	const { body } = await custodian.import(session, path, request.replace);
	const fp = fingerprint(session.refreshToken ?? session.accessToken);
	const spare = path !== undefined && isSpare(body);
	if (!spare) return importAnswer(fp, body);
	// A copy of what is kept here, or was: whoever spent it from there would end the login.
	const access = fingerprint(session.accessToken);
	const { kind } = await disarmSource(path, { fp, access }, clock);
	return { ...importAnswer(fp, body), disarmed: kind === "disarmed" };
}

export async function answerCustody(fp: Fingerprint, custodian: Custodian): Promise<ImportAnswer> {
	const { name } = custodian;
	const about = { v: 1 as const, id: HERE, name, fp, holds: [], witness: [] };
	const { body } = await custodian.request(HERE, { ...about, type: "custody" });
	return importAnswer(fp, body);
}

async function sourceOf(
	request: ImportRequest,
): Promise<{ path: string | undefined; session: Session }> {
	if (request.type === "import") {
		const { session } = await readSource(request.path);
		return { path: request.path, session };
	}
	const session = setupTokenSession(new Secret(request.token), request.expiresAt);
	return { path: undefined, session };
}

function isSpare(body: AnswerBody): boolean {
	if (body.type === "decline") return body.reason === "retired";
	return body.type === "claimed" || body.type === "spent";
}

function importAnswer(fp: Fingerprint, body: AnswerBody): ImportAnswer {
	const reason = "reason" in body && body.reason !== undefined ? { reason: body.reason } : {};
	return { v: 1, type: "import", fp, became: body.type, ...reason };
}
