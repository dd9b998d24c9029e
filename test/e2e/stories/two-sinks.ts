import type { StageOptions } from "./stage.ts";

const SAVE = 'umask 077; mkdir -p "$HOME/sinks" && cat > "$HOME/sinks/token.json"';

/** Two sinks: claude's file, and a command of the person's own. Access tokens live for six seconds. */
export const TWO_SINKS: StageOptions = {
	accessTokenSeconds: 6,
	vps: {
		refresh: { before: "1h" },
		names: {
			default: {
				sinks: {
					claude: { type: "claude-code", configDir: "~/claude" },
					file: { type: "exec", command: ["sh", "-c", SAVE] },
				},
			},
		},
	},
};
