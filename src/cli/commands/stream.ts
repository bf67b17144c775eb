// `cognitod stream`: the agent's events as they happen.
import { closeSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import type { EventJson, GapJson } from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import type { Query } from '../client.ts';
import type { Context } from '../context.ts';
import { EVENT_HEADER, formatEventLine, formatGapLine } from '../event-line.ts';

export interface StreamOptions {
  readonly readyFd?: number;
  readonly count?: number;
  readonly retry?: boolean;
  readonly filters: Query;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** Runs until the agent ends the stream (an error), `count` events came, or nobody reads the output any more. */
export async function stream(context: Context, options: StreamOptions): Promise<void> {
  const printer = new Printer(context, options.count ?? Number.POSITIVE_INFINITY);
  let announce = (): void => {
    announce = () => context.deps.stderr.write(`cognitod: connected again to ${context.client.address}\n`);
    announceReady(context, options.readyFd);
  };
  for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(2 * delayMs, LAST_RETRY_MS)) {
    try {
      const response = await context.client.open('/api/v1/events', options.filters);
      await follow(response, printer, () => {
        delayMs = FIRST_RETRY_MS;
        announce();
      });
      if (printer.done) return;
      throw new CognitodError('API_UNREACHABLE', `the agent at ${context.client.address} ended the stream`, {
        hint: 'it was stopped or restarted; --retry waits for it',
      });
    } catch (error) {
      if (printer.done) return;
      if (options.retry !== true || !(error instanceof CognitodError) || error.code !== 'API_UNREACHABLE')
        throw error;
      context.deps.stderr.write(
        `cognitod: ${error.message}; trying again in ${delayMs / 1000} s (events until then are not seen)\n`,
      );
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

/** Tells scripts that from now on nothing is missed. */
function announceReady(context: Context, readyFd: number | undefined): void {
  if (readyFd === undefined) {
    context.deps.stderr.write(`cognitod: connected to ${context.client.address}\n`);
    return;
  }
  try {
    writeSync(readyFd, 'ready\n');
    closeSync(readyFd);
  } catch (cause) {
    throw new CognitodError('USAGE', `--ready-fd ${readyFd} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function follow(response: IncomingMessage, printer: Printer, onReady: () => void): Promise<void> {
  const parser = createParser({
    onEvent({ event, data }) {
      if (event === 'ready') onReady();
      else printer.print(event ?? '', data);
    },
  });
  response.setEncoding('utf8');
  const stop = () => response.destroy();
  printer.onDone(stop);
  try {
    for await (const chunk of response) {
      parser.feed(chunk);
      await printer.flush();
      if (printer.done) return;
    }
  } catch (cause) {
    if (!printer.done) {
      throw new CognitodError('API_UNREACHABLE', `the stream broke: ${(cause as Error).message}`, { cause });
    }
  }
}

/** Writes records; waits when the output is slower than the agent, so that the agent knows of it. */
class Printer {
  readonly #context: Context;
  #left: number;
  #pending = '';
  #closed = false;
  #stop: () => void = () => {};

  constructor(context: Context, count: number) {
    this.#context = context;
    this.#left = count;
    context.deps.stdout.on('error', () => {
      // The reader went away (head, less): not a fault.
      this.#closed = true;
      this.#stop();
    });
    if (!context.json) this.#pending = `${context.paint('bold', EVENT_HEADER)}\n`;
  }

  get done(): boolean {
    return this.#closed || this.#left <= 0;
  }

  onDone(stop: () => void): void {
    this.#stop = stop;
  }

  print(kind: string, data: string): void {
    if (this.done) return;
    if (kind !== 'gap') this.#left--;
    if (this.#context.json) this.#pending += `${data}\n`;
    else this.#pending += `${this.#text(kind, data)}\n`;
  }

  #text(kind: string, data: string): string {
    const { paint } = this.#context;
    if (kind === 'gap') return formatGapLine(JSON.parse(data) as GapJson, paint);
    return formatEventLine(JSON.parse(data) as EventJson, paint);
  }

  async flush(): Promise<void> {
    const { stdout } = this.#context.deps;
    const text = this.#pending;
    this.#pending = '';
    if (text === '' || this.#closed || stdout.write(text)) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        stdout.off('drain', go);
        stdout.off('close', go);
        stdout.off('error', go);
        resolve();
      };
      stdout.once('drain', go).once('close', go).once('error', go);
    });
  }
}
