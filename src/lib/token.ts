// The token that clients of the API must show.
import { readFileSync } from 'node:fs';
import type { Config } from './config-schema.ts';
import { CognitodError } from './errors.ts';

/** Null when none is set. Throws TOKEN_UNREADABLE for a file that gives none. */
export function readToken(config: Config): string | null {
  const { token, token_file: file } = config.api;
  if (file === null) return token;
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CognitodError(
      'TOKEN_UNREADABLE',
      `the token file ${file} cannot be read: ${(cause as Error).message}`,
      {
        hint: 'api.token_file names it',
        cause,
      },
    );
  }
  if (text === '') throw new CognitodError('TOKEN_UNREADABLE', `the token file ${file} is empty`);
  return text;
}
