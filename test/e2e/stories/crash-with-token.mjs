/**
 * Preloaded into a program under test: a fault that quotes the refresh token which was just read, bears
 * it, and is caught by nobody. `CRASH_AS` in the environment says how it comes about.
 */
const parse = JSON.parse;

JSON.parse = (text, ...more) => {
	const token = /sk-ant-ort01-[\w-]+/.exec(text)?.[0];
	if (token !== undefined) {
		const cause = new Error(`cause ${token}`);
		const fault = Object.assign(new Error(`cannot use ${token}`, { cause }), { token });
		if (process.env.CRASH_AS === "rejection") void Promise.reject(fault);
		else
			setTimeout(() => {
				throw fault;
			});
	}
	return parse(text, ...more);
};
