// Help of the program and of each command, as text or as one JSON document.
import { type Command, Help } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';

export interface HelpNotes {
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
}

const notesOf = new WeakMap<Command, HelpNotes>();

/** Adds what a reader of `--help` needs beside the list of options. */
export function withNotes(command: Command, notes: HelpNotes): Command {
  notesOf.set(command, notes);
  return command;
}

/** Prepares a program before its commands are added: they inherit this. */
export function configureHelp(program: Command, json: boolean): void {
  program.configureHelp({
    formatHelp: (command, helper) =>
      json
        ? `${JSON.stringify({ schema_version: 1, ...describeCommand(command), exit_codes: EXIT_CODES })}\n`
        : Help.prototype.formatHelp.call(helper, command, helper) + notesText(command),
  });
}

function notesText(command: Command): string {
  const { notes = [], examples } = notesOf.get(command) ?? { examples: [] };
  const codes = Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return [
    ...(notes.length === 0 ? [] : ['', ...notes]),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples.map((example) => `  ${example}`)]),
    '',
    'Exit codes:',
    ...codes,
    '',
  ].join('\n');
}

function describeCommand(command: Command): object {
  const { notes = [], examples } = notesOf.get(command) ?? { examples: [] };
  return {
    name: command.name(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      required: argument.required,
      variadic: argument.variadic,
      description: argument.description,
    })),
    options: command.options.map((option) => ({
      flags: option.flags,
      description: option.description,
      ...(option.argChoices === undefined ? {} : { choices: option.argChoices }),
      ...(option.defaultValue === undefined ? {} : { default: option.defaultValue }),
    })),
    notes,
    examples,
    ...(command.commands.length === 0 ? {} : { commands: command.commands.map(describeCommand) }),
  };
}
