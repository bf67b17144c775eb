// In which form a command prints.

export const OUTPUT_FORMATS = ['table', 'json', 'yaml'] as const;
/** `table`: for people. `json`: a document, or a line for each record. `yaml`: the same as YAML documents. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/**
 * What a command line asks for. Found before it is parsed, because errors of the parser are printed in that form too; what
 * is no format here is refused by the parser.
 */
export function outputFormat(argv: readonly string[]): OutputFormat {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  let format: OutputFormat = 'table';
  words.forEach((word, index) => {
    if (word === '--json') format = 'json';
    const given =
      word === '-o' || word === '--output' ? words[index + 1] : /^(?:-o=?|--output=)(.+)$/.exec(word)?.[1];
    const known = OUTPUT_FORMATS.find((name) => name === given);
    if (known !== undefined) format = known;
  });
  return format;
}
