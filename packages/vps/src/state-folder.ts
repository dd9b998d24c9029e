/** What lies in the state folder, by name. */

/** For this machine's own user: status and tokens. */
export const CONTROL_SOCKET = "control.sock";
/** For paired devices, by way of `batond accept`: hand-over requests and nothing else. */
export const DEVICE_SOCKET = "device.sock";
export const SINK_MEMORY = "sinks.json";
/** What people were told of, and what they have yet to be. */
export const WARNINGS = "warnings.json";
/** Who spoke here, when, and who is forgotten. */
export const DEVICES = "devices.json";
/** Logins made on this machine until they are taken over, a folder for each name. */
export const LOGINS = "logins";
/** Where claude refreshes, a folder for each name. */
export const ENGINE = "engine";
/** The encrypted custody records. Their key lies elsewhere. */
export const SECRETS = "secrets";
