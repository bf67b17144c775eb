// Keeps the book of processes up to date while a page shows it.
import { signal } from '@preact/signals';
import type { LiveRecordJson } from '../../src/api/index.ts';
import { LiveList } from '../model/live-list.ts';
import type { Query } from './api.ts';
import { openStream } from './stream.ts';

/** How long an ended process is there to be seen. */
const ENDED_MS = 30_000;
const FORGET_PERIOD_MS = 1_000;

export class ProcessFeed {
  readonly book = new LiveList(() => performance.now());
  /** Why there is nothing new; null while there is. */
  readonly problem = signal<string | null>(null);

  /** Returns what ends it. */
  open(filters: Query<'liveProcesses'>): () => void {
    const stream = openStream('liveProcesses', filters, {
      onRecord: ({ text }) => this.book.apply(JSON.parse(text) as LiveRecordJson),
      onState: (problem) => {
        this.problem.value = problem;
      },
    });
    const forget = setInterval(() => this.book.forgetEnded(ENDED_MS), FORGET_PERIOD_MS);
    return () => {
      stream.close();
      clearInterval(forget);
    };
  }
}
