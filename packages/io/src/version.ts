/**
 * The version of this program. `npm run build` puts it in place of `BATON_VERSION`; run from source,
 * nothing defines that name.
 */
declare const BATON_VERSION: string | undefined;

export const VERSION: string = typeof BATON_VERSION === "string" ? BATON_VERSION : "0.0.0-dev";
