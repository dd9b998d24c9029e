/**
 * OAuth scopes: what a login may be used for (RFC 6749 section 3.3).
 *
 * The scopes of a login are those it was made with. A refresh asks for just these; that its answer names
 * fewer says something of one access token and nothing of the login, and is not learnt: asked for fewer
 * from then on it would stay at fewer, and claude takes a file without `user:inference` for a logout.
 */

/** As the record can hold them. */
const MOST = 64;
/** No token that slipped into the wrong field: scopes are written into consumers' files. */
const SCOPE = /^(?!sk-ant-)[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

/** Those that are scopes, each once, in their order. */
export function scopesOf(words: readonly string[]): readonly string[] {
	return [...new Set(words)].filter((word) => SCOPE.test(word)).slice(0, MOST);
}

/**
 * @param had the scopes of the login
 * @param told `scope` of an answer; undefined if there was none
 * @returns what the login has from now on: more, if the answer names all it had and others
 */
export function scopesAfter(
	had: readonly string[],
	told: readonly string[] | undefined,
): readonly string[] {
	if (told === undefined) return had;
	return had.every((scope) => told.includes(scope)) ? told : had;
}
