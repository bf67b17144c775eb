// `cognitod __complete -- WORD…`: asked by the scripts of the shells on every Tab. Says nothing that a shell could stumble over.
import type { Command } from 'commander';
import { ApiClient } from '../client.ts';
import { clientSettings } from '../settings.ts';
import { cut, harmless } from '../text.ts';
import type { Writer } from '../writer.ts';
import type { Source } from '../option.ts';
import { type Candidate, type Wanted, wantedAt } from './wanted.ts';

export const COMPLETE = '__complete';

/** A line that asks the shell for names of files. */
export const FILES = ':files';

/** Nobody waits longer at a Tab. */
const AGENT_LIMIT_MS = 1_000;
const DESCRIPTION_CHARS = 60;
/** What no shell takes for anything but text. Names that need quoting are left out. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** Lines `value TAB description`. An agent that is away, slow or refuses has no names, and that is no fault. */
export async function complete(
  program: Command,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  output: Writer,
): Promise<void> {
  const wanted = wantedAt(program, words);
  const known = wanted.candidates.filter(({ value }) => value.startsWith(wanted.text));
  const lines = linesOf([...known, ...(await askAgent(wanted, env))], wanted.prefix);
  if (wanted.source.endsWith('files')) lines.push(FILES);
  if (lines.length > 0) await output.write(`${lines.join('\n')}\n`);
}

const KNOWN_HERE: readonly Source[] = ['nothing', 'commands', 'files'];

async function askAgent(wanted: Wanted, env: NodeJS.ProcessEnv): Promise<Candidate[]> {
  if (KNOWN_HERE.includes(wanted.source)) return [];
  const signal = AbortSignal.timeout(AGENT_LIMIT_MS);
  try {
    const client = new ApiClient(await clientSettings(wanted.globals, env), AGENT_LIMIT_MS, signal);
    // The schemas take longer to load than everything else here.
    const { valuesFrom } = await import('./values.ts');
    return await valuesFrom(client, wanted.source, wanted.text);
  } catch {
    return [];
  }
}

/** Each value once. */
function linesOf(candidates: readonly Candidate[], prefix: string): string[] {
  const lines = new Map<string, string>();
  for (const { value, description } of candidates) {
    if (!PLAIN.test(value) || lines.has(value)) continue;
    lines.set(value, `${prefix}${value}\t${cut(harmless(description), DESCRIPTION_CHARS)}`);
  }
  return [...lines.values()];
}
