// Clients of the event stream for tests: one that reads, and a raw socket that need not.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createParser, type EventSourceMessage } from 'eventsource-parser';

export interface StreamReader {
  readonly messages: EventSourceMessage[];
  readonly comments: string[];
  /** Every id that was seen, those without a record too. */
  readonly ids: string[];
  readonly ended: boolean;
  /** Resolves when the condition holds after a read. */
  until(holds: () => boolean): Promise<void>;
  named(name: string): EventSourceMessage[];
  close(): void;
}

/** Subscribes, and resolves when the `ready` record has come. */
export async function readStream(
  url: string,
  headers: Record<string, string> = {},
): Promise<StreamReader & { readonly headers: IncomingMessage['headers'] }> {
  const request = get(url, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const reader = parse(response, () => request.destroy());
  await reader.until(() => reader.named('ready').length > 0);
  return Object.assign(reader, { headers: response.headers });
}

/** The position in the id of a record. */
export const positionOf = ({ id }: Pick<EventSourceMessage, 'id'>) => Number(id?.split('-')[1]);

/** A connection that has asked for a stream and reads nothing until it is told to. */
export async function openSilent(
  host: string,
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  socket.pause();
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return socket;
}

/** Reads what a silent connection has and will get. */
export function startReading(socket: Socket): StreamReader {
  const reader = parse(socket, () => socket.destroy());
  socket.resume();
  return reader;
}

function parse(source: IncomingMessage | Socket, close: () => void): StreamReader {
  const messages: EventSourceMessage[] = [];
  const comments: string[] = [];
  const ids: string[] = [];
  const waiting: { holds: () => boolean; resolve: () => void; reject: (error: Error) => void }[] = [];
  let ended = false;
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    onId: (id) => ids.push(id),
    onComment: (comment) => comments.push(comment),
    // The response head of a raw connection.
    onError: () => {},
  });
  const check = () => {
    for (const entry of waiting.splice(0)) {
      if (entry.holds()) entry.resolve();
      else if (ended) entry.reject(new Error('the stream ended before'));
      else waiting.push(entry);
    }
  };
  const finish = () => {
    ended = true;
    check();
  };
  source.setEncoding('utf8');
  source.on('data', (text: string) => {
    parser.feed(text);
    check();
  });
  source.on('error', finish).on('close', finish);
  return {
    messages,
    comments,
    ids,
    get ended() {
      return ended;
    },
    until: (holds) =>
      new Promise((resolve, reject) => {
        waiting.push({ holds, resolve, reject });
        check();
      }),
    named: (name) => messages.filter((message) => message.event === name),
    close,
  };
}
