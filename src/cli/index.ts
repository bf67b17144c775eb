// The command line: clients of the agent's API, and the start of the agent.
export type { AgentCommandOptions, CliDeps, ParsedCgroup } from './deps.ts';
export { ledgerText } from './commands/status.ts';
export { EVENT_HEADER, formatEventLine } from './event-line.ts';
export { runCli } from './program.ts';
export { bytesText, countText, painter } from './text.ts';
