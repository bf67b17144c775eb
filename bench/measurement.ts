// What a measurement is and what it gives: figures with all their samples, so that a reader can judge the noise.

/** Compared with the median. */
export type Target = { readonly atMost: number } | { readonly atLeast: number };

export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** One value per run, in the order of the runs. */
  readonly samples: readonly number[];
  readonly target?: Target;
  /** What a reader must know to read the figure right. */
  readonly note?: string;
}

export interface RunOptions {
  /** Fewer and shorter runs: shows that everything works, not what it costs. */
  readonly quick: boolean;
  /** A progress line. */
  readonly say: (text: string) => void;
}

export interface Measurement {
  readonly name: string;
  /** How it is measured, for the page. */
  readonly how: string;
  run(options: RunOptions): Promise<Figure[]>;
}

/** Of an even count the mean of the middle two; NaN of none. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Interpolated between neighbours. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** CPU nanoseconds of this process per event, all its threads. */
export function costNs(events: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / events;
}

/** Null when the figure has no target. */
export function meetsTarget({ samples, target }: Figure): boolean | null {
  if (target === undefined) return null;
  const value = median(samples);
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}
