// Text for terminals: harmless whatever a process put into it, coloured, aligned.
import { styleText } from 'node:util';
import { cut } from '../lib/text.ts';

export {
  bytesText,
  commandText,
  countText,
  cut,
  durationText,
  harmless,
  harmlessLines,
  spanText,
} from '../lib/text.ts';

type Style = Parameters<typeof styleText>[0];
export type Painter = (style: Style, text: string) => string;

/** Paints, or does not. */
export const painter = (color: boolean): Painter =>
  color ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;

/** Rows as aligned columns; the last column is not padded, and cut at `width` if given. */
export function table(rows: readonly (readonly string[])[], width?: number): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => (column < row.length - 1 ? row[column]!.length : 0))),
  );
  return rows
    .map((row) => {
      const line = row.map((cell, column) =>
        column === row.length - 1 ? cell : cell.padEnd(widths[column]!),
      );
      const text = line.join('  ').trimEnd();
      return `${width === undefined ? text : cut(text, width)}\n`;
    })
    .join('');
}
