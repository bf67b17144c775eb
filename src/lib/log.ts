// What a program of ours says while it runs: for people, or as JSON for machines.
import type { Writable } from 'node:stream';

export interface Log {
  info(message: string): void;
  warn(message: string): void;
  /** `fields` are plain values that survive JSON. */
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Writes a line a message. */
export function createLog({ json, stderr }: { readonly json: boolean; readonly stderr: Writable }): Log {
  const write = (level: string, message: string) => {
    const line = json
      ? JSON.stringify({ time: new Date().toISOString(), level, message })
      : `cognitod: ${level === 'info' ? '' : `${level}: `}${message}`;
    stderr.write(`${line}\n`);
  };
  return {
    info: (message) => write('info', message),
    warn: (message) => write('warning', message),
    error: (message, fields) =>
      write('error', fields === undefined ? message : `${message} ${JSON.stringify(fields)}`),
  };
}
