import type { CliDeps } from '../deps.ts';
import type { CommandDefinition } from './definition.ts';

export const versionCommand: CommandDefinition = {
  name: 'version',
  description: 'print the version',
  help: { examples: ['cognitod version --json'] },
  define: (command, { deps, run }) =>
    command.action(() => run.output.write(`${versionText(deps, run.json)}\n`)),
};

export function versionText(deps: CliDeps, json: boolean): string {
  if (!json) return `cognitod ${deps.version} (Node ${process.version})`;
  const platform = `${process.platform}-${process.arch}`;
  return JSON.stringify({ schema_version: 1, version: deps.version, node: process.version, platform });
}
