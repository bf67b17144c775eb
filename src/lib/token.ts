// The tokens that clients of the API must show.
import { readFileSync } from 'node:fs';
import type { Config } from './config/schema.ts';
import { CognitodError } from './errors.ts';

/** The tokens in use; each call gives the one that is valid now. At least one of them is there. */
export interface ApiTokens {
  /** Opens what only looks. */
  readonly read: (() => string) | null;
  /** Opens everything. */
  readonly admin: (() => string) | null;
}

/** A token that was replaced is taken, and the one before refused, after this time. */
const REREAD_MS = 1_000;

/**
 * Null when none is set: the API is then open to this machine. Files are read again while the agent runs; one that
 * gives no token then leaves the one before in place, and `warn` is told.
 *
 * @throws CognitodError TOKEN_UNREADABLE for a file that gives none, CONFIG_INVALID when both tokens are the same
 */
export function openTokens(
  config: Config,
  warn: (text: string) => void,
  nowMs: () => number = () => performance.now(),
): ApiTokens | null {
  const { api } = config;
  const open = (key: 'token' | 'admin_token') => {
    const file = api[`${key}_file`];
    if (file !== null) return followFile(file, `api.${key}_file names it`, warn, nowMs);
    const text = api[key];
    if (text === null) return null;
    const token = checkToken(text, `api.${key}`);
    return () => token;
  };
  const tokens = { read: open('token'), admin: open('admin_token') };
  if (tokens.read === null && tokens.admin === null) return null;
  if (tokens.read?.() === tokens.admin?.()) {
    throw new CognitodError('CONFIG_INVALID', 'the read token and the admin token of the API are the same', {
      hint: 'whoever may look could do everything: give api.admin_token_file a token of its own',
    });
  }
  return tokens;
}

/** @throws CognitodError TOKEN_UNREADABLE; `hint` says where the name of the file comes from */
export function readTokenFile(file: string, hint: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CognitodError(
      'TOKEN_UNREADABLE',
      `the token file ${file} cannot be read: ${(cause as Error).message}`,
      { hint, cause },
    );
  }
  if (text.trim() === '')
    throw new CognitodError('TOKEN_UNREADABLE', `the token file ${file} is empty`, { hint });
  return checkToken(text, `the token file ${file}`);
}

/**
 * The token without blanks and line ends around it, as a header can carry it; `origin` is for the message, which must
 * not show the token.
 *
 * @throws CognitodError TOKEN_UNREADABLE
 */
export function checkToken(text: string, origin: string): string {
  const token = text.trim();
  if (token === '') throw new CognitodError('TOKEN_UNREADABLE', `${origin} is empty`);
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CognitodError(
    'TOKEN_UNREADABLE',
    `${origin} holds no token: it has several lines or words, or characters that a token cannot have`,
  );
}

function followFile(file: string, hint: string, warn: (text: string) => void, nowMs: () => number) {
  let token = readTokenFile(file, hint);
  let readMs = nowMs();
  let problem = '';
  return () => {
    if (nowMs() - readMs < REREAD_MS) return token;
    readMs = nowMs();
    try {
      token = readTokenFile(file, hint);
      problem = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== problem) warn(`${message}; the token before stays valid`);
      problem = message;
    }
    return token;
  };
}
