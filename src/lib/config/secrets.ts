// What is masked.
import { z } from 'zod';
import { argumentName, flag, list, pattern } from './values.ts';

export const secrets = z.strictObject({
  mask: flag.default(true).describe('mask secrets in arguments (docs/secrets.md)'),
  extra_arguments: list(argumentName)
    .default([])
    .describe('further names of options whose value is a secret'),
  extra_patterns: list(pattern)
    .default([])
    .describe('further regular expressions of secrets; group 1, or all, is masked'),
});
