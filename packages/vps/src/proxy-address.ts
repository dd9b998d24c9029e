/** The address of a proxy as people write it, in the settings and in `HTTPS_PROXY`. */

const NO_ADDRESS = 'not the address of a proxy such as "http://proxy.example:3128"';

/** Why it is none, or none for the settings; undefined if it is one. */
export function proxyFault(text: string): string | undefined {
	const url = proxyUrl(text);
	if (url === undefined) return NO_ADDRESS;
	if (url.username === "" && url.password === "") return undefined;
	return "a password does not belong into the settings: name a file with it in proxyCredentials";
}

/** @param text also without `http://`, as many write it */
export function proxyUrl(text: string): URL | undefined {
	const whole = text.includes("://") ? text : `http://${text}`;
	if (!URL.canParse(whole)) return undefined;
	const url = new URL(whole);
	const isProxy = url.protocol === "http:" || url.protocol === "https:";
	return isProxy && url.pathname === "/" && url.search === "" ? url : undefined;
}
