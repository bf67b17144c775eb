// `cognitod stream`: the agent's events as they happen.
import { closeSync, fstatSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { type EventJson, type GapJson, routes } from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import { NotAnAgent, type Query } from '../client.ts';
import { describe } from '../connection-words.ts';
import type { Context } from '../context.ts';
import { EVENT_HEADER, formatEventLine, formatGapLine } from '../event-line.ts';
import { harmless } from '../text.ts';

export interface StreamOptions {
  readonly readyFd?: number | undefined;
  readonly count?: number | undefined;
  /** Wait for the agent, however long. */
  readonly retry?: boolean | undefined;
  /** False: end when the connection breaks. */
  readonly reconnect?: boolean | undefined;
  readonly filters: Query;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** How long a stream that broke is tried again without `--retry`: an agent that is upgraded is back by then. */
const RECONNECT_MS = 10_000;
/** Characters of one record; an event has at most some 100 KB. */
const MAX_RECORD_CHARS = 16 * 1024 * 1024;
const EVENT_KINDS = ['fork', 'exec', 'exit', ''];
/** Worth waiting for: the agent is not there, or is shutting down. */
const PASSING = ['API_UNREACHABLE', 'STREAMS_UNAVAILABLE'];

/**
 * Resolves after `count` events; without it runs until an error, such as the agent being gone. A stream that stood and broke is
 * opened again, and goes on where it broke off.
 */
export async function stream(context: Context, options: StreamOptions): Promise<void> {
  const { client, output, deps } = context;
  const announceFirst = announcer(context, options.readyFd);
  const say = (text: string) => void deps.stderr.write(`cognitod: ${harmless(text)}\n`);
  const printer = new Printer(context, options.count ?? Number.POSITIVE_INFINITY);
  const position: Position = { id: undefined };
  let connections = 0;
  let brokeAt = Number.NEGATIVE_INFINITY;
  for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(2 * delayMs, LAST_RETRY_MS)) {
    try {
      const resumed = position.id !== undefined;
      const response = await client.openStream(routes.events, options.filters, position.id);
      await follow(context, response, printer, position, () => {
        delayMs = FIRST_RETRY_MS;
        brokeAt = Number.NEGATIVE_INFINITY;
        connections++;
        if (connections === 1) announceFirst();
        else if (resumed) say(`connected again to ${client.address}; it goes on where it broke off`);
        else say(`connected again to ${client.address}; what happened in between is not known`);
      });
      if (printer.done) return;
      throw new CognitodError('API_UNREACHABLE', `the agent at ${client.address} ended the stream`, {
        hint: 'it was stopped or restarted; --retry waits for it',
      });
    } catch (error) {
      if (!(error instanceof CognitodError && PASSING.includes(error.code))) throw error;
      if (brokeAt === Number.NEGATIVE_INFINITY) brokeAt = performance.now();
      const broke = connections > 0 && options.reconnect !== false && !(error instanceof NotAnAgent);
      const inTime = performance.now() + delayMs <= brokeAt + RECONNECT_MS;
      if (options.retry !== true && !(broke && inTime)) throw error;
      const meanwhile = position.id === undefined ? ', events until then are not seen' : '';
      say(`${error.message}; trying again in ${delayMs / 1000} s${meanwhile}`);
      await sleep(delayMs, output.ended);
    }
  }
}

/** The id of the last record that came. */
interface Position {
  id: string | undefined;
}

/** What tells, once, that from now on nothing is missed: on the descriptor, or on standard error. */
function announcer(context: Context, readyFd: number | undefined): () => void {
  const { client, deps } = context;
  if (readyFd === undefined)
    return () => void deps.stderr.write(`cognitod: connected to ${client.address}\n`);
  const refused = (reason: string, cause?: unknown) =>
    new CognitodError('USAGE', `--ready-fd ${readyFd} cannot be written: ${reason}`, {
      hint: 'open it first, e.g. in a shell: cognitod stream --ready-fd 3 3>ready',
      cause,
    });
  try {
    const kind = fstatSync(readyFd);
    if (!kind.isFIFO() && !kind.isFile() && !kind.isSocket() && !kind.isCharacterDevice())
      throw new Error('it is no file, pipe or socket');
  } catch (cause) {
    throw refused((cause as Error).message, cause);
  }
  return () => {
    try {
      writeSync(readyFd, 'ready\n');
      // Standard streams stay open: Node and we still write to them.
      if (readyFd > 2) closeSync(readyFd);
    } catch (cause) {
      throw refused((cause as Error).message, cause);
    }
  };
}

/** Resolves when the stream ends or the printer is done. @throws CognitodError, ReaderGone or OutputFailed */
async function follow(
  { client, output }: Context,
  response: IncomingMessage,
  printer: Printer,
  position: Position,
  onReady: () => void,
): Promise<void> {
  let announce = () => {
    announce = () => {};
    onReady();
  };
  const parser = createParser({
    maxBufferSize: MAX_RECORD_CHARS,
    onComment: () => announce(),
    onId(id) {
      position.id = id === '' ? undefined : id;
    },
    onEvent({ event, data }) {
      announce();
      printer.print(event ?? '', data);
    },
    onError(error) {
      if (error.type === 'max-buffer-size-exceeded') throw client.notOurs('a record has no end', error);
    },
  });
  response.setEncoding('utf8');
  const stop = () => response.destroy();
  output.ended.addEventListener('abort', stop);
  try {
    for await (const chunk of response) {
      parser.feed(chunk);
      // While this waits nothing is read, so that the agent knows how slow we are.
      await printer.flush();
      if (printer.done) return;
    }
  } catch (cause) {
    output.ended.throwIfAborted();
    await printer.flush();
    if (cause instanceof CognitodError) throw cause;
    throw new CognitodError(
      'API_UNREACHABLE',
      `the stream of the agent at ${client.address} broke: ${describe(cause)}`,
      { hint: 'it was killed, or the network fails; --retry waits for it', cause },
    );
  } finally {
    output.ended.removeEventListener('abort', stop);
    response.destroy();
  }
  output.ended.throwIfAborted();
}

/** Collects the lines of what was read, and counts events. */
class Printer {
  readonly #context: Context;
  #left: number;
  #pending = '';

  constructor(context: Context, count: number) {
    this.#context = context;
    this.#left = count;
    if (!context.json) this.#pending = `${context.paint('bold', EVENT_HEADER)}\n`;
  }

  get done(): boolean {
    return this.#left <= 0;
  }

  print(kind: string, data: string): void {
    if (this.done) return;
    if (kind === 'ready') {
      if (!this.#context.json) this.#checkVersion(data);
      return;
    }
    const isEvent = EVENT_KINDS.includes(kind);
    if (isEvent) this.#left--;
    // As JSON a record is not even parsed: it goes out as the agent sent it, known to us or not.
    const { json, yaml } = this.#context;
    if (json) this.#pending += yaml === null ? `${data}\n` : `---\n${yaml(data)}`;
    else if (isEvent || kind === 'gap') this.#pending += `${this.#text(kind, data)}\n`;
  }

  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    if (text !== '') await this.#context.output.write(text);
  }

  #text(kind: string, data: string): string {
    const { paint, client } = this.#context;
    try {
      if (kind === 'gap') return formatGapLine(JSON.parse(data) as GapJson, paint);
      return formatEventLine(JSON.parse(data) as EventJson, paint);
    } catch (cause) {
      throw client.notOurs('a record of its stream cannot be read', cause);
    }
  }

  #checkVersion(data: string): void {
    const { client } = this.#context;
    try {
      client.checkVersion(JSON.parse(data));
    } catch (error) {
      throw error instanceof CognitodError
        ? error
        : client.notOurs('its stream does not begin as it should', error);
    }
  }
}

/** @throws the reason of the signal */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
  signal.throwIfAborted();
}
