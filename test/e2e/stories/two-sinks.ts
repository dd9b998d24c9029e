import type { StageOptions } from "./stage.ts";

const SAVE =
	'umask 077; mkdir -p "$HOME/sinks" && cd "$HOME/sinks" && cat > new && mv new token.json';

/** A command of the person's own, which keeps each token in `sinks/token.json`, whole. */
export const SAVED = { type: "exec", command: ["sh", "-c", SAVE] };

/** Two sinks: claude's file, and a command of the person's own. Access tokens live for six seconds. */
export const TWO_SINKS: StageOptions = {
	accessTokenSeconds: 6,
	vps: {
		refresh: { before: "1h" },
		names: {
			default: {
				sinks: {
					claude: { type: "claude-code", configDir: "~/claude" },
					file: SAVED,
				},
			},
		},
	},
};
