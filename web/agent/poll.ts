// A document that is asked for again and again while a page shows it.
import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { RouteAnswer } from '../../src/api/index.ts';
import type { RouteName } from '../../src/api/paths.ts';
import { type Answer, ask } from './api.ts';
import { live, run } from './connection.ts';

/**
 * Null until there is an answer. A failure does not replace what is shown while the connection is lost: the page says that.
 * `periodMs` null: asked once per run of the agent.
 */
export function useDocument<Name extends RouteName>(
  name: Name,
  periodMs: number | null,
): ReadonlySignal<Answer<RouteAnswer<Name>> | null> {
  const answer = useSignal<Answer<RouteAnswer<Name>> | null>(null);
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
          const next = await ask(name);
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
  }, [name, periodMs]);
  return answer;
}
