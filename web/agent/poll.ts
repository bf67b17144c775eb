// A document that is asked for again and again while a page shows it.
import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { type Answer, ask } from './api.ts';
import { live, run } from './connection.ts';

/**
 * Null until there is an answer. A failure does not replace what is shown while the connection is lost: the page says that.
 * `periodMs` null: asked once per run of the agent.
 */
export function useDocument<Value>(
  path: string,
  periodMs: number | null,
): ReadonlySignal<Answer<Value> | null> {
  const answer = useSignal<Answer<Value> | null>(null);
  useEffect(() => {
    let ended = false;
    let wake = () => {};
    const pause = (ms: number | null) =>
      new Promise<void>((resolve) => {
        const timer = ms === null ? undefined : setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    const stopWatching = run.subscribe(() => wake());
    async function follow(): Promise<void> {
      while (!ended) {
        await live();
        if (ended) return;
        if (!document.hidden) {
          const next = await ask<Value>(path);
          if (ended) return;
          if (next.ok || next.failure.kind === 'refused' || answer.peek() === null) answer.value = next;
        }
        await pause(periodMs);
      }
    }
    void follow();
    return () => {
      ended = true;
      stopWatching();
      wake();
    };
  }, [path, periodMs]);
  return answer;
}
