// Everything that is read again and again for whoever asks: of the node, and of its processes. Whoever asks gets the same
// reading as others who ask in that second, so nobody moves the moment since which another's rates are.
import { NodeReader } from './node-reader.ts';
import { UsageReader } from './usage-reader.ts';

export interface SamplerOptions {
  readonly procRoot: string;
  /** Monotonic. */
  readonly nowMs: () => number;
}

export class Sampler {
  readonly node: NodeReader;
  readonly usage: UsageReader;

  constructor(options: SamplerOptions) {
    this.node = new NodeReader(options);
    this.usage = new UsageReader(options);
  }
}
