// The command line: clients of the agent's API, and the start of the agent.
export { EXIT } from './exit-codes.ts';
export type { AgentCommandOptions, CliDeps, ParsedCgroup } from './deps.ts';
export { EVENT_HEADER, formatEventLine } from './event-line.ts';
export { ledgerText } from './ledger-text.ts';
export { runCli } from './run.ts';
export { bytesText, countText, painter } from './text.ts';
