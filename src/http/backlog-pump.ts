// Sends what a client missed or does not know yet (a replay, a snapshot) as fast as it reads, a slice at a time.
//
// All clients that catch up take turns, and between two turns the event loop is free for the ring: a thousand clients
// that come back at once wait for each other, not the kernel for them.
import { Tasks } from '../lib/tasks.ts';

/** Makes and sends one slice. True when there is more and the client has room for it; else it is scheduled again. */
export type SendSlice = () => boolean;

/** Time for slices in one turn of the event loop. */
const TURN_MS = 2;

export class BacklogPump {
  readonly #waiting = new Set<SendSlice>();
  readonly #tasks: Tasks;
  #scheduled = false;

  constructor(tasks = new Tasks()) {
    this.#tasks = tasks;
  }

  schedule(send: SendSlice): void {
    this.#waiting.add(send);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const end = performance.now() + TURN_MS;
    for (const send of [...this.#waiting]) {
      this.#waiting.delete(send);
      this.#tasks.turn('sending what stream clients missed', () => {
        if (send()) this.#waiting.add(send);
      });
      if (performance.now() >= end) break;
    }
    if (this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }
}
