// Reads the command lines with marked secrets, and counts what a masker finds of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArgvMasker } from '../secrets.ts';

interface Span {
  readonly from: number;
  readonly to: number;
}

export interface SecretLine {
  /** As in the file. */
  readonly line: string;
  readonly argv: readonly string[];
  /** Of each argument. */
  readonly secrets: readonly (readonly Span[])[];
}

/** `name` of a file in this folder; its head describes the format. */
export function readSecretLines(name: string): SecretLine[] {
  return readFileSync(join(import.meta.dirname, name), 'utf8')
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => {
      const marked = line.split(' ').map((word) => word.replaceAll('␣', ' ').replaceAll('␤', '\n'));
      return { line, argv: marked.map(withoutMarks), secrets: marked.map(spansOf) };
    });
}

const withoutMarks = (text: string) => text.replace(/[«»]/g, '');

function spansOf(marked: string): Span[] {
  const spans: Span[] = [];
  let removed = 0;
  for (const match of marked.matchAll(/«([^»]*)»/g)) {
    const from = match.index - removed;
    spans.push({ from, to: from + match[1]!.length });
    removed += 2;
  }
  return spans;
}

export interface Score {
  /** Secrets of which nothing can be read. */
  readonly found: number;
  readonly secrets: number;
  /** Masked parts that hold nothing but a secret, and quotes around it. */
  readonly right: number;
  readonly masked: number;
  /** Found ÷ secrets. */
  readonly recall: number;
  /** Right ÷ masked. */
  readonly precision: number;
  /** Lines with a secret that is left, or with something else that is masked; and what became of them. */
  readonly wrong: readonly string[];
}

export function score(lines: readonly SecretLine[], mask: ArgvMasker): Score {
  let [found, secrets, right, masked] = [0, 0, 0, 0];
  const wrong: string[] = [];
  for (const { line, argv, secrets: expected } of lines) {
    const result = [...argv];
    mask(result, argv[0]!);
    let good = true;
    for (const [i, text] of argv.entries()) {
      const parts = maskedParts(text, result[i]!, expected[i]!);
      const hidden = expected[i]!.filter((secret) => parts.some((part) => covers(part, secret)));
      const exact = parts.filter((part) =>
        expected[i]!.some((secret) => covers(withQuotes(text, secret), part)),
      );
      [found, secrets] = [found + hidden.length, secrets + expected[i]!.length];
      [right, masked] = [right + exact.length, masked + parts.length];
      good &&= hidden.length === expected[i]!.length && exact.length === parts.length;
    }
    if (!good) wrong.push(`${line}\n  became ${result.join(' ').replaceAll('\n', '␤')}`);
  }
  return { found, secrets, right, masked, recall: found / secrets, precision: right / masked, wrong };
}

const covers = (outer: Span, inner: Span) => outer.from <= inner.from && inner.to <= outer.to;

function withQuotes(text: string, { from, to }: Span): Span {
  let [start, end] = [from, to];
  while (/["'\\]/.test(text[start - 1] ?? '')) start--;
  while (/["'\\]/.test(text[end] ?? '')) end++;
  return { from: start, to: end };
}

/** The parts of `text` that became `***`. Where several are possible, those that were expected. */
function maskedParts(text: string, result: string, expected: readonly Span[]): Span[] {
  const pieces = result.split('***');
  if (pieces.length === 1) return [];
  const asExpected = expected.map(({ from, to }) => ({ from, to }));
  if (applied(text, asExpected) === result) return asExpected;
  const parts: Span[] = [];
  let at = pieces[0]!.length;
  for (const [i, piece] of pieces.slice(1).entries()) {
    const next = i === pieces.length - 2 ? text.length - piece.length : text.indexOf(piece, at + 1);
    parts.push({ from: at, to: next });
    at = next + piece.length;
  }
  return parts;
}

function applied(text: string, spans: readonly Span[]): string {
  let masked = '';
  let at = 0;
  for (const { from, to } of spans) {
    masked += `${text.slice(at, from)}***`;
    at = to;
  }
  return masked + text.slice(at);
}
