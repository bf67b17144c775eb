// The program: its commands (definitions/), what they inherit, and their help.
import { Command } from 'commander';
import { addCommonOptions } from './common-options.ts';
import { COMMANDS, type CliRun, Invocation, versionText } from './definitions/index.ts';
import type { CliDeps } from './deps.ts';
import { configureHelp, withNotes } from './help.ts';

export type { CliRun };

/** Commands set `run.code` or throw: a CognitodError, a CommanderError, or what a Writer throws. */
export function buildProgram(deps: CliDeps, run: CliRun): Command {
  const program = new Command('cognitod');
  configureHelp(program, run.json);
  configure(program, deps, run)
    .description(
      'Sees every process on a Linux node, says which pod it belongs to, and loses none without a count.',
    )
    .version(versionText(deps, run.json), '-V, --version', 'print the version');
  withNotes(program, {
    notes: ['Start the agent with `cognitod agent` (as root), then look with the other commands.'],
    examples: [
      'sudo ./cognitod agent',
      'cognitod status',
      'cognitod stream --type exec',
      'cognitod help stream',
    ],
  });
  const invocation = new Invocation(deps, run);
  for (const { name, description, help, define } of COMMANDS)
    define(withNotes(program.command(name).description(description), help), invocation);
  for (const command of [program, ...program.commands]) addCommonOptions(command);
  return program;
}

/** What all commands inherit. */
function configure(program: Command, deps: CliDeps, run: CliRun): Command {
  return program
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void deps.stdout.write(text),
      writeErr: (text) => void (run.json || deps.stderr.write(text)),
      // Reported with all other errors, see runCli.
      outputError: () => {},
    })
    .helpCommand(false)
    .showSuggestionAfterError();
}
