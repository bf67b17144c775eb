// Runs a command line and turns whatever happens into words and an exit code.
import { CommanderError } from 'commander';
import { CognitodError } from '../lib/errors.ts';
import { COMPLETE, complete } from './completion/index.ts';
import type { CliDeps } from './deps.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { buildProgram, type CliRun } from './program.ts';
import { outputFormat } from './output-format.ts';
import { harmlessLines } from './text.ts';
import { OutputFailed, ReaderGone, Writer } from './writer.ts';

/** Runs a command line (without `node` and the script) and resolves with its exit code. Never throws. */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  const format = outputFormat(argv);
  const json = format !== 'table';
  const run: CliRun = { output: new Writer(deps.stdout), json, yaml: format === 'yaml', code: EXIT.ok };
  // With nobody to complain to, go on.
  deps.stderr.on('error', () => {});
  try {
    if (argv[0] === COMPLETE) {
      await complete(buildProgram(deps, run), argv.slice(argv[1] === '--' ? 2 : 1), deps.env, run.output);
    } else await parse(argv, deps, run);
    await run.output.flush();
    return run.code;
  } catch (error) {
    if (error instanceof ReaderGone) return EXIT.ok;
    // What was printed before the fault should stand before the message.
    await run.output.flush().catch(() => {});
    report(error, json, deps);
    return exitCodeOf(error);
  }
}

async function parse(argv: readonly string[], deps: CliDeps, run: CliRun): Promise<void> {
  const program = buildProgram(deps, run);
  try {
    await program.parseAsync(argv as string[], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const command = argv.find((word) => program.commands.some((candidate) => candidate.name() === word));
    const noCommand = error.code === 'commander.help';
    throw new CognitodError(
      'USAGE',
      noCommand ? 'no command is given' : error.message.replace(/^error: /, ''),
      {
        hint:
          command === undefined ? 'cognitod help lists the commands' : `cognitod help ${command} tells how`,
      },
    );
  }
}

function report(error: unknown, json: boolean, deps: CliDeps): void {
  const { message, hint, code } = inWords(error);
  if (json) {
    deps.stderr.write(`${JSON.stringify({ error: { code, message, hint: hint ?? null } })}\n`);
    return;
  }
  // Messages quote agents, files and command lines.
  deps.stderr.write(`cognitod: ${harmlessLines(message)}\n`);
  if (hint !== undefined) deps.stderr.write(`cognitod: ${harmlessLines(hint)}\n`);
}

function inWords(error: unknown): { message: string; hint: string | undefined; code: string } {
  if (error instanceof CognitodError) return error;
  if (error instanceof OutputFailed) {
    return { message: error.message, hint: 'is the disk full?', code: 'OUTPUT_FAILED' };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message, hint: 'this is a bug: please report it', code: 'INTERNAL' };
}
