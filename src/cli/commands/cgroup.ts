// `cognitod cgroup`: what the names in a cgroup path say; a debugging aid that needs no agent.
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { CliDeps, ParsedCgroup } from '../deps.ts';
import { EXIT } from '../exit-codes.ts';
import { harmless, table } from '../text.ts';

const MAX_LINE_BYTES = 1024 * 1024;

/** With `json`: lines `{"input": …}` in, a line each out. Else: the given pids or paths, or standard input, as text. */
export async function cgroup(deps: CliDeps, json: boolean, inputs: readonly string[]): Promise<number> {
  const parse = await deps.loadCgroupParser();
  if (json && inputs.length === 0) return answerLines(deps, parse);
  const contents = inputs.length > 0 ? inputs.map(contentOf) : [await readAll(deps.stdin)];
  let failed = false;
  for (const content of contents) {
    if (content instanceof Error) {
      failed = true;
      deps.stderr.write(`cognitod: ${content.message}\n`);
    } else if (json) deps.stdout.write(`${answerOf(parse(content))}\n`);
    else deps.stdout.write(textOf(content, parse(content)));
  }
  return failed ? EXIT.failed : EXIT.ok;
}

async function answerLines(deps: CliDeps, parse: (text: string) => ParsedCgroup): Promise<number> {
  let failed = false;
  for await (const line of linesOf(deps.stdin)) {
    if (line?.trim() === '') continue;
    const input = line === null ? null : inputOf(line);
    if (input === null) {
      failed = true;
      const error =
        line === null
          ? `the line is longer than ${MAX_LINE_BYTES} bytes`
          : 'the line is not {"input": "text"}';
      deps.stdout.write(`${JSON.stringify({ error })}\n`);
    } else if (!deps.stdout.write(`${answerOf(parse(input))}\n`)) {
      await new Promise((resolve) => deps.stdout.once('drain', resolve));
    }
  }
  return failed ? EXIT.failed : EXIT.ok;
}

/** Lines as they come; null for one that is too long. */
async function* linesOf(input: Readable): AsyncGenerator<string | null> {
  let pending = '';
  let tooLong = false;
  input.setEncoding('utf8');
  for await (const chunk of input) {
    const parts = (chunk as string).split('\n');
    for (const [index, part] of parts.entries()) {
      pending += part;
      if (pending.length > MAX_LINE_BYTES) {
        tooLong = true;
        pending = '';
      }
      if (index === parts.length - 1) break;
      yield tooLong ? null : pending;
      pending = '';
      tooLong = false;
    }
  }
  if (tooLong) yield null;
  else if (pending !== '') yield pending;
}

function inputOf(line: string): string | null {
  try {
    const { input } = JSON.parse(line);
    return typeof input === 'string' ? input : null;
  } catch {
    return null;
  }
}

function answerOf(parsed: ParsedCgroup): string {
  return JSON.stringify({
    container_id: parsed.containerId,
    pod_uid: parsed.podUid,
    runtime: parsed.runtime,
    qos: parsed.qos,
    tags: parsed.tags,
    unit: parsed.unit,
  });
}

/** A pid stands for its /proc file; anything else is the path itself. */
function contentOf(input: string): string | Error {
  if (!/^\d+$/.test(input)) return input;
  try {
    return readFileSync(`/proc/${input}/cgroup`, 'utf8');
  } catch (error) {
    return new Error(`the cgroups of process ${input} cannot be read: ${(error as Error).message}`);
  }
}

async function readAll(input: Readable): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    text += chunk;
    if (text.length > MAX_LINE_BYTES) break;
  }
  return text;
}

function textOf(content: string, parsed: ParsedCgroup): string {
  const shown = content.trim().split('\n').map(harmless);
  return (
    `${shown.join('\n')}\n` +
    table([
      ['  container', parsed.containerId === null ? 'none' : harmless(parsed.containerId)],
      ['  pod', parsed.podUid === null ? 'none' : harmless(parsed.podUid)],
      ['  runtime', parsed.runtime ?? 'not told by the path'],
      ['  qos', parsed.qos ?? 'none'],
      ['  tags', parsed.tags.length === 0 ? 'none' : parsed.tags.map(harmless).join(' ')],
      ['  unit', parsed.unit === null ? 'none' : harmless(parsed.unit)],
    ])
  );
}
