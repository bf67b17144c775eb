// Documents as YAML.
import { stringify } from 'yaml';

// Not yet in TypeScript's es2024 library; Node has the third argument since version 21.
type SourceReviver = (key: string, value: unknown, context: { source: string }) => unknown;

const keepDigits: SourceReviver = (_key, value, { source }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    ? BigInt(source)
    : value;

/** YAML of a JSON text, with all digits of integers. All strings are quoted. */
export const yamlOf = (json: string): string =>
  stringify(JSON.parse(json, keepDigits as (key: string, value: unknown) => unknown), {
    // Parsers of YAML 1.1 take `no` and `1:30` for other things than text.
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
