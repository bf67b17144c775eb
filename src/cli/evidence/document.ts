// A document of headings, paragraphs, lists and tables, written as Markdown or as HTML. All texts are data: nothing in
// them is markup.
import { type Html, html } from '../../lib/html.ts';
import { harmless } from '../text.ts';

export type Block =
  | { readonly heading: string; readonly level: 1 | 2 }
  | { readonly paragraph: string }
  | { readonly quote: string }
  | { readonly list: readonly string[] }
  | { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };

export function toMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(markdownOf).join('\n\n')}\n`;
}

function markdownOf(block: Block): string {
  if ('heading' in block) return `${'#'.repeat(block.level)} ${plain(block.heading)}`;
  if ('paragraph' in block) return plain(block.paragraph);
  if ('quote' in block) return `> ${plain(block.quote)}`;
  if ('list' in block) return block.list.map((item) => `- ${plain(item)}`).join('\n');
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
  return [line(block.columns), line(block.columns.map(() => '---')), ...block.rows.map(line)].join('\n');
}

/** Characters that Markdown gives a meaning are escaped (CommonMark 2.4). */
const plain = (text: string) => harmless(text).replace(/[\\`*_[\]<>#|&!]/g, '\\$&');

/** One self-contained page: no script, nothing from elsewhere. */
export function toHtml(title: string, blocks: readonly Block[]): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${harmless(title)}</title>
${STYLE}
</head>
<body>
<main>
${lines(blocks.map(htmlOf))}
</main>
</body>
</html>
`.markup;
}

const STYLE = html`<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
h2 { border-bottom: 1px solid; margin-top: 2rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid #8888; padding: 0.2rem 0.6rem; text-align: left; vertical-align: top; }
th { white-space: nowrap; }
th:empty { border: 0; padding: 0; }
td { min-width: 5.5rem; overflow-wrap: anywhere; }
table { margin-bottom: 1rem; }
blockquote { border-left: 4px solid #8888; margin-left: 0; padding-left: 1rem; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
</style>`;

function htmlOf(block: Block): Html {
  if ('heading' in block) {
    const text = harmless(block.heading);
    return block.level === 1 ? html`<h1>${text}</h1>` : html`<h2>${text}</h2>`;
  }
  if ('paragraph' in block) return html`<p>${harmless(block.paragraph)}</p>`;
  if ('quote' in block) return html`<blockquote><p>${harmless(block.quote)}</p></blockquote>`;
  if ('list' in block)
    return html`<ul>\n${lines(block.list.map((item) => html`<li>${harmless(item)}</li>`))}\n</ul>`;
  const head = block.columns.map((cell) => html`<th>${harmless(cell)}</th>`);
  const body = block.rows.map(
    (cells) => html`<tr>${cells.map((cell) => html`<td>${harmless(cell)}</td>`)}</tr>`,
  );
  return html`<div><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${lines(body)}\n</tbody>\n</table></div>`;
}

/** Each on a line of its own. */
const lines = (parts: readonly Html[]): Html[] =>
  parts.flatMap((part, index) => (index === 0 ? [part] : [html`\n`, part]));
