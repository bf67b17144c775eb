// `cognitod evidence`: what auditors ask for, from the running agent; `cognitod evidence verify`: whether it was changed.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type EvidenceJson, routes } from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import { type Anchor, keyIdOf, lineOf, type Verification, verifyChain } from '../../lib/hash-chain.ts';
import type { Context } from '../context.ts';
import { toHtml, toMarkdown } from '../evidence/document.ts';
import { reportOf, TITLE } from '../evidence/report.ts';
import { EXIT } from '../exit-codes.ts';
import { harmless, harmlessLines } from '../text.ts';
import type { Writer } from '../writer.ts';

/** What is known from elsewhere than the records. */
export interface VerifyOptions {
  readonly head?: string;
  /** Files with public keys. */
  readonly publicKey?: readonly string[];
  /** Files with lines of the agent's log. */
  readonly anchor?: readonly string[];
}

export interface EvidenceOptions {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly html: boolean;
}

/** Prints the report: Markdown, HTML, or with --json the records. */
export async function evidence(context: Context, { from, to, html }: EvidenceOptions): Promise<void> {
  const document = await context.client.get(routes.evidence, { query: { from, to } });
  await context.print(document, () => {
    const report = reportOf(document, new Date().toISOString());
    return html ? toHtml(TITLE, report) : toMarkdown(report);
  });
}

/**
 * Checks the file of the records, the directory that it is in, or what `evidence --json` printed. Resolves with the exit
 * code: 1 when anything was changed.
 */
export async function verify(
  output: Writer,
  json: boolean,
  path: string,
  { head, publicKey = [], anchor = [] }: VerifyOptions,
): Promise<number> {
  const { text, head: ownHead } = chainIn(readText(path), path);
  const keys = publicKey.length === 0 ? undefined : readPublicKeys(publicKey);
  const nodes = new Set(verifyChain(text).records.map((record) => (record as { node?: unknown }).node));
  const anchors = anchor.flatMap((file) => readAnchors(file, nodes));
  const found = verifyChain(text, { head: head ?? ownHead, keys, anchors });
  // A file that was emptied is not intact.
  const verification =
    found.records.length > 0 || found.problems.length > 0
      ? found
      : { ...found, problems: [{ line: 1, problem: 'there is no record' }] };
  const checked = { end: head !== undefined || anchors.length > 0, signatures: keys !== undefined };
  await output.write(json ? `${JSON.stringify(summaryOf(verification))}\n` : textOf(verification, checked));
  return verification.problems.length === 0 ? EXIT.ok : EXIT.failed;
}

/** By the ids of the keys. */
function readPublicKeys(files: readonly string[]): ReadonlyMap<string, KeyObject> {
  return new Map(
    files.map((file) => {
      try {
        const key = createPublicKey(readFileSync(file));
        if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is ${key.asymmetricKeyType}`);
        return [keyIdOf(key), key];
      } catch (cause) {
        throw new CognitodError(
          'USAGE',
          `${file} is no public key of evidence: ${(cause as Error).message}`,
          { hint: '`cognitod evidence key` prints that of the running agent' },
        );
      }
    }),
  );
}

/** As the agent logs a record, and as its events in Kubernetes say it. */
const ANCHOR = /evidence record (\d{1,15}) \([a-z-]+\) of ([^\s:]+): ([0-9a-f]{64})/g;

/** Every anchor of these nodes in a file with lines of the agents' logs, or whatever else has them in it. */
function readAnchors(file: string, nodes: ReadonlySet<unknown>): Anchor[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CognitodError('USAGE', `the anchors cannot be read: ${(cause as Error).message}`);
  }
  const found = [...text.matchAll(ANCHOR)]
    .filter(([, , node]) => nodes.has(node))
    .map(([, sequence, , hash]) => ({ sequence: Number(sequence), hash: hash! }));
  if (found.length === 0)
    throw new CognitodError(
      'USAGE',
      `${file} has no anchor of ${[...nodes].join(', ') || 'this node'} in it`,
      {
        hint: "give the agent's log, or what kept its lines `evidence record NUMBER (REASON) of NODE: HASH`",
      },
    );
  return found;
}

/** The public key of the running agent, as PEM. */
export async function key(context: Context): Promise<void> {
  const { evidence } = await context.client.get(routes.status);
  if (evidence.public_key === null)
    throw new CognitodError('NOT_FOUND', 'this agent signs no evidence', {
      hint: 'it does where evidence.directory or evidence.key_file is set',
    });
  await context.print({ public_key: evidence.public_key }, () => evidence.public_key!);
}

function readText(path: string): string {
  try {
    const file = statSync(path).isDirectory() ? join(path, 'evidence.jsonl') : path;
    // Bytes that are no UTF-8 must not be taken for something else.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (cause) {
    const reason = cause instanceof TypeError ? 'it was changed: it is not UTF-8' : (cause as Error).message;
    throw new CognitodError('USAGE', `${path} cannot be verified: ${reason}`, {
      hint: 'give the file evidence.jsonl, its directory, or what `cognitod evidence --json` printed',
    });
  }
}

/**
 * The lines of the chain: those of the file, or those of the document of `evidence --json`. Such a document tells the head
 * itself; that is of use when it has the records up to it, and not only those of earlier days.
 */
function chainIn(text: string, path: string): { text: string; head?: string } {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { text };
  }
  if (typeof document !== 'object' || document === null || !('records' in document)) return { text };
  const { records, head } = document as Partial<EvidenceJson>;
  if (!Array.isArray(records)) throw new CognitodError('USAGE', `${path} has no list of records`);
  const lines = records.map((record) => `${lineOf(record)}\n`).join('');
  const last = records.at(-1);
  return last !== undefined && last.sequence === head?.sequence
    ? { text: lines, head: head.hash }
    : { text: lines };
}

function summaryOf({ records, problems }: Verification) {
  const last = records.at(-1);
  return {
    intact: problems.length === 0,
    records: records.length,
    first_sequence: records[0]?.sequence ?? null,
    head: last === undefined ? null : { sequence: last.sequence, hash: last.hash },
    problems,
  };
}

function textOf(
  { records, problems }: Verification,
  checked: { readonly end: boolean; readonly signatures: boolean },
): string {
  const [first, last] = [records[0], records.at(-1)];
  if (problems.length > 0) {
    const lines = problems.map(({ line, problem }) => `line ${line}: ${problem}`);
    return `${harmlessLines(lines.join('\n'))}\nCHANGED: what stands from line ${problems[0]!.line} on cannot be trusted\n`;
  }
  if (first === undefined || last === undefined) return 'no record was found\n';
  const before =
    first.sequence === 1 ? '' : `; the ${first.sequence - 1} before were dropped after the retention`;
  const signed = checked.signatures ? ', each signed by a key that you gave' : '';
  const end = checked.end ? '' : ', if its head is the one that you know: --head or --anchor checks that';
  return harmless(`intact: ${records.length} records${signed}${before}; head ${last.hash}${end}`).concat(
    '\n',
  );
}
