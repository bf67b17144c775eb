// Text in cells of a terminal: cut and padded by the columns that it takes, not by its characters.
import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter();

/** Exactly `width` columns. What does not fit ends in `…`. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const short = cutColumns(text, width);
  const blank = ' '.repeat(Math.max(0, width - stringWidth(short)));
  return align === 'left' ? short + blank : blank + short;
}

/** At most `width` columns; a wide character is never cut in two. */
export function cutColumns(text: string, width: number): string {
  if (width <= 0) return '';
  // Each column needs at least one UTF-16 unit, so ASCII text is measured at once.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const columns = stringWidth(segment);
    if (used + columns > width - 1) break;
    kept += segment;
    used += columns;
  }
  return `${kept}…`;
}

/** All of a text, in lines of at most `width` columns; a character that is wider stands alone. */
export function wrapColumns(text: string, width: number): string[] {
  const lines = [''];
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const columns = stringWidth(segment);
    if (used > 0 && used + columns > width) {
      lines.push('');
      used = 0;
    }
    lines[lines.length - 1] += segment;
    used += columns;
  }
  return lines;
}

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Columns of the terminal; the last column of a table takes what is left. */
  readonly width: number;
  readonly text: (row: Row) => string;
}

/** The columns that fit into `width`, widened where there is room: `grow` names the one that may. */
export function layOut<Row>(columns: readonly Column<Row>[], width: number): Column<Row>[] {
  const fixed = columns.slice(0, -1);
  const last = columns.at(-1)!;
  const used = fixed.reduce((sum, column) => sum + column.width + 1, 0);
  return [...fixed, { ...last, width: Math.max(last.title.length, width - used) }];
}

export const headLine = <Row>(columns: readonly Column<Row>[], width: number): string =>
  fit(columns.map((column) => fit(column.title, column.width, column.align)).join(' '), width);

export const rowLine = <Row>(columns: readonly Column<Row>[], row: Row, width: number): string =>
  fit(columns.map((column) => fit(column.text(row), column.width, column.align)).join(' '), width);
