/** The id of a request that may be none, so that even a refusal can be matched to it. */

/** What an answer is given that answers nothing which can be told. */
export const NO_ID = "none";

export function requestIdOf(line: string): string {
	try {
		const value: unknown = JSON.parse(line);
		const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
		return typeof id === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : NO_ID;
	} catch {
		return NO_ID;
	}
}
