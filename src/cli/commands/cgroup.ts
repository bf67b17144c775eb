// `cognitod cgroup`: what the names in a cgroup path say; a debugging aid that needs no agent.
import { readFileSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { CliDeps, ParsedCgroup } from '../deps.ts';
import { EXIT } from '../exit-codes.ts';
import { harmless, harmlessLines, table } from '../text.ts';
import type { Writer } from '../writer.ts';

const MAX_LINE_BYTES = 1024 * 1024;

/** With `json`: lines `{"input": …}` in, a line each out. Else: the given pids or paths, or standard input, as text. */
export async function cgroup(
  deps: CliDeps,
  output: Writer,
  json: boolean,
  inputs: readonly string[],
): Promise<number> {
  const parse = await deps.loadCgroupParser();
  if (json && inputs.length === 0) return answerLines(deps.stdin, output, parse);
  const contents = inputs.length > 0 ? inputs.map(contentOf) : [await readAll(deps.stdin)];
  let failed = false;
  for (const content of contents) {
    if (content instanceof Error) {
      failed = true;
      if (json) await output.write(`${errorLine(content.message)}\n`);
      else deps.stderr.write(`cognitod: ${harmless(content.message)}\n`);
    } else await output.write(json ? `${answerOf(parse(content))}\n` : textOf(content, parse(content)));
  }
  return failed ? EXIT.failed : EXIT.ok;
}

async function answerLines(
  input: Readable,
  output: Writer,
  parse: (text: string) => ParsedCgroup,
): Promise<number> {
  let failed = false;
  const answer = (line: string | null): string => {
    if (line?.trim() === '') return '';
    const content = line === null ? null : inputOf(line);
    if (content !== null) return `${answerOf(parse(content))}\n`;
    failed = true;
    const reason =
      line === null ? `the line is longer than ${MAX_LINE_BYTES} bytes` : 'the line is not {"input": "text"}';
    return `${errorLine(reason)}\n`;
  };
  const stop = () => input.destroy();
  output.ended.addEventListener('abort', stop);
  try {
    for await (const lines of linesOf(input)) {
      const text = lines.map(answer).join('');
      if (text !== '') await output.write(text);
    }
  } catch (error) {
    output.ended.throwIfAborted();
    throw error;
  }
  output.ended.throwIfAborted();
  return failed ? EXIT.failed : EXIT.ok;
}

/** The lines that each read completes; null for one that is too long. */
async function* linesOf(input: Readable): AsyncGenerator<(string | null)[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const take = (): string | null => {
    const line = pendingBytes > MAX_LINE_BYTES ? null : Buffer.concat(pending).toString('utf8');
    pending = [];
    pendingBytes = 0;
    return line;
  };
  const add = (part: Buffer) => {
    pendingBytes += part.length;
    // Of a line that is too long nothing is kept.
    if (pendingBytes > MAX_LINE_BYTES) pending = [];
    else if (part.length > 0) pending.push(part);
  };
  for await (const data of input) {
    const chunk: Buffer = typeof data === 'string' ? Buffer.from(data) : data;
    const lines: (string | null)[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end));
      lines.push(take());
      start = end + 1;
    }
    add(chunk.subarray(start));
    yield lines;
  }
  if (pendingBytes > 0) yield [take()];
}

const errorLine = (error: string) => JSON.stringify({ error });

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
    user_unit: parsed.userUnit,
    // Absent where what stands above is believed, and where no name claims more.
    claimed: parsed.claimed,
    claim: parsed.claim && { container_id: parsed.claim.containerId, pod_uid: parsed.claim.podUid },
  });
}

/** A pid stands for its /proc file, a file for its content; anything else is a cgroup path itself. */
function contentOf(input: string): string | Error {
  const isPid = /^\d+$/.test(input);
  const file = isPid ? `/proc/${input}/cgroup` : input;
  if (!/^\/proc\/[^/]+\/cgroup$/.test(file) && !isFile(file)) return input;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return new Error(`${file} cannot be read: ${code === 'ENOENT' ? 'there is no such process' : message}`);
  }
}

/** False for what cannot even be looked at: it may be the content of a file instead of a name. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function readAll(input: Readable): Promise<string | Error> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > MAX_LINE_BYTES) return new Error(`standard input is longer than ${MAX_LINE_BYTES} bytes`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}

function claimRows({ claimed, claim }: ParsedCgroup): string[][] {
  const rows: string[][] = [];
  if (claimed)
    rows.push(['  believed', 'no: others than the kubelet or a runtime may make such a name there']);
  else if (claim !== undefined) {
    const parts = [
      claim.podUid === null ? null : `pod ${harmless(claim.podUid)}`,
      claim.containerId === null ? null : `container ${harmless(claim.containerId)}`,
    ];
    rows.push(['  names claim', `${parts.filter((part) => part !== null).join(', ')} (not believed)`]);
  }
  return rows;
}

function textOf(content: string, parsed: ParsedCgroup): string {
  return (
    `${harmlessLines(content.trim())}\n` +
    table([
      ['  container', parsed.containerId === null ? 'none' : harmless(parsed.containerId)],
      ['  pod', parsed.podUid === null ? 'none' : harmless(parsed.podUid)],
      ['  runtime', parsed.runtime === null ? 'not told by the path' : harmless(parsed.runtime)],
      ['  qos', parsed.qos ?? 'none'],
      ['  tags', parsed.tags.length === 0 ? 'none' : parsed.tags.map(harmless).join(' ')],
      ['  unit', parsed.unit === null ? 'none' : harmless(parsed.unit)],
      ...(parsed.userUnit === undefined ? [] : [['  unit of the user', harmless(parsed.userUnit)]]),
      ...claimRows(parsed),
    ])
  );
}
