// The agent's own doctor: it runs at most one examination at a time, and not again for some seconds.
import { type DoctorJson, SCHEMA_VERSION, type StatusJson } from '../api/index.ts';
import type { Config } from '../lib/index.ts';

/** How old an answer may be. */
const FRESH_MS = 5_000;

export class AgentDoctor {
  readonly #config: Config;
  readonly #status: () => StatusJson;
  readonly #nowMs: () => number;
  #running: Promise<DoctorJson> | undefined;
  #freshUntilMs = 0;
  #examine: (() => Promise<DoctorJson['checks']>) | undefined;

  constructor(config: Config, status: () => StatusJson, nowMs = () => performance.now()) {
    this.#config = config;
    this.#status = status;
    this.#nowMs = nowMs;
  }

  /** Whoever asks while it runs, or soon after, gets the same answer. */
  examine(): Promise<DoctorJson> {
    if (this.#running === undefined || this.#nowMs() >= this.#freshUntilMs) {
      this.#freshUntilMs = Number.POSITIVE_INFINITY;
      this.#running = this.#run().finally(() => {
        this.#freshUntilMs = this.#nowMs() + FRESH_MS;
      });
    }
    return this.#running;
  }

  async #run(): Promise<DoctorJson> {
    this.#examine ??= await this.#load();
    const checks = await this.#examine();
    const failed = checks.filter(({ result }) => result === 'fail').length;
    return {
      schema_version: SCHEMA_VERSION,
      time: new Date().toISOString(),
      ok: failed === 0,
      failed,
      checks: [...checks],
    };
  }

  /** Loaded by whoever asks first: most agents are never asked. */
  async #load(): Promise<() => Promise<DoctorJson['checks']>> {
    const { Examiner } = await import('../doctor/index.ts');
    const examiner = new Examiner(this.#config, {
      address: 'this process',
      status: async () => this.#status(),
      watch: () => Promise.reject(new Error('the agent does not watch itself')),
    });
    return async () => [...(await examiner.examine())];
  }
}
