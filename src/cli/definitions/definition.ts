// What a command is: its name, its help, its options, and what it does when it runs. What it does is loaded only then.
import type { Command } from 'commander';
import { type ColorMode, useColor } from '../color.ts';
import { type Context, makeContext } from '../context.ts';
import type { CliDeps } from '../deps.ts';
import type { HelpNotes } from '../help.ts';
import { clientSettings, DEFAULT_API, type GlobalOptions } from '../settings.ts';
import type { Writer } from '../writer.ts';

/** One run of a command line. */
export interface CliRun {
  readonly output: Writer;
  /** For programs, not for people. */
  readonly json: boolean;
  /** Of these as YAML where a command can. */
  readonly yaml: boolean;
  /** Set by the command that ran. */
  code: number;
}

export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  readonly help: HelpNotes;
  /** Adds arguments, options and the action, which sets `run.code` or throws. */
  define(command: Command, invocation: Invocation): void;
}

interface ParsedGlobals extends GlobalOptions {
  readonly color?: ColorMode;
}

/** A run of the program, for the action of a command. */
export class Invocation {
  readonly deps: CliDeps;
  readonly run: CliRun;

  constructor(deps: CliDeps, run: CliRun) {
    this.deps = deps;
    this.run = run;
  }

  configFile(command: Command): string | undefined {
    const { config } = command.optsWithGlobals() as ParsedGlobals;
    return config ?? (this.deps.env.COGNITOD_CONFIG || undefined);
  }

  usesColor(command: Command): boolean {
    const { color } = command.optsWithGlobals() as ParsedGlobals;
    return useColor(color ?? 'auto', this.deps.stdout, this.deps.env);
  }

  /** For a command that asks the agent; `use` may give the exit code. */
  async withContext(
    command: Command,
    use: (context: Context) => Promise<unknown>,
    asksAgent = true,
  ): Promise<void> {
    const { deps, run } = this;
    // Before the installation there is no token yet, wherever it will be.
    const settings = asksAgent
      ? await clientSettings(command.optsWithGlobals() as ParsedGlobals, deps.env)
      : { api: new URL(DEFAULT_API), token: null };
    const yaml = run.yaml ? (await import('../yaml-text.ts')).yamlOf : null;
    const { json } = run;
    const context = makeContext(deps, run.output, { json, yaml }, this.usesColor(command), settings);
    const code = await use(context);
    if (typeof code === 'number') run.code = code;
  }
}

export const WHERE = 'namespace/pod, the beginning of a pod or container id, or kind/name of a workload';
export const WHAT = `pid, process id, ${WHERE}`;

/** The keys of a configuration that were given as flags. */
export const overridesOf = (set: readonly (readonly [string, unknown])[]): Record<string, unknown> =>
  Object.fromEntries(set.filter(([, value]) => value !== undefined));
