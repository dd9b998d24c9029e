/** Apart from the schemas of the protocol, so that a command that only needs the name loads none. */

/** Custody's name where the settings give none. */
export const DEFAULT_NAME = "default";
