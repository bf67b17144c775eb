// The agent's events as an iteration, for commands that look at some of them.
import { createParser } from 'eventsource-parser';
import { type EventJson, routes } from '../api/index.ts';
import type { ApiClient } from './client.ts';

const KINDS = ['fork', 'exec', 'exit'];
/** The agent begins a stream at once. */
const BEGIN_MS = 5_000;

/**
 * Resolves once connected: the agent's first record says so. `close` ends the iteration. Rejects with API_UNREACHABLE when
 * the stream does not begin.
 */
export async function watchEvents(
  client: ApiClient,
): Promise<{ events: AsyncIterable<EventJson>; close(): void }> {
  const response = await client.openStream(routes.events, {});
  const chunks = response.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  const waiting: EventJson[] = [];
  let connected = false;
  const parser = createParser({
    onEvent({ event, data }) {
      connected = true;
      if (event !== undefined && KINDS.includes(event)) waiting.push(JSON.parse(data));
    },
  });
  /** False when the stream has ended, however. */
  const readMore = async (): Promise<boolean> => {
    try {
      const { value, done } = await chunks.next();
      if (done !== true) parser.feed(value);
      return done !== true;
    } catch {
      return false;
    }
  };
  // Else a server that sends headers and nothing more would hold the command for ever.
  const silent = setTimeout(() => response.destroy(), BEGIN_MS);
  try {
    while (!connected && (await readMore()));
  } finally {
    clearTimeout(silent);
  }
  if (!connected) throw client.unreachable('its event stream does not begin', undefined);
  async function* events(): AsyncGenerator<EventJson> {
    do yield* waiting.splice(0);
    while (await readMore());
  }
  return { events: events(), close: () => void response.destroy() };
}
