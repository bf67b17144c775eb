// Streams of the agent: read by fetch, because EventSource cannot send a token; opened again where they broke off.
import { createParser } from 'eventsource-parser';
import type { RouteAsked } from '../../src/api/index.ts';
import type { RouteName } from '../../src/api/paths.ts';
import { addressOf, openResponse, type Query } from './api.ts';
import { checkNow, live } from './connection.ts';

export interface StreamRecord {
  /** e.g. fork, process, gap. */
  readonly kind: string;
  /** Its JSON, not yet parsed: most records are never looked at. */
  readonly text: string;
}

export interface StreamHandlers {
  onRecord(record: StreamRecord): void;
  /** Null while connected; otherwise why not. */
  onState(problem: string | null): void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** Reads until it is closed. `close` may be called at any time. */
export function openStream<Name extends RouteName>(
  name: Name,
  query: Query<Name>,
  handlers: StreamHandlers,
): { close(): void } {
  const controller = new AbortController();
  const { signal } = controller;
  let lastId: string | undefined;

  async function readOnce(): Promise<string> {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (lastId !== undefined) headers['last-event-id'] = lastId;
    const answer = await openResponse(addressOf(name, { query } as RouteAsked<Name>), { signal, headers });
    if (!answer.ok) return answer.failure.detail;
    handlers.onState(null);
    const parser = createParser({
      onEvent({ id, event, data }) {
        lastId = id ?? lastId;
        handlers.onRecord({ kind: event ?? 'message', text: data });
      },
    });
    const decoder = new TextDecoder();
    const reader = answer.value.body!.getReader();
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        parser.feed(decoder.decode(part.value, { stream: true }));
      }
    } catch {
      // A connection that breaks ends the stream like one that was closed.
    }
    return 'the stream broke off';
  }

  async function follow(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(2 * retryMs, LAST_RETRY_MS)) {
      await live();
      if (signal.aborted) return;
      const began = performance.now();
      const problem = await readOnce();
      if (signal.aborted) return;
      handlers.onState(problem);
      checkNow();
      if (performance.now() - began > LAST_RETRY_MS) retryMs = FIRST_RETRY_MS;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  void follow();
  return { close: () => controller.abort() };
}
