// Capability sets as text, each set once: the processes of a node share a few.
import { capabilitiesHex } from '../lib/capabilities.ts';

/** More than nodes have. A process can make as many as it likes. */
const MAX_SETS = 1024;

export class CapabilityTexts {
  readonly #texts = new Map<number, string>();

  /** As `capabilitiesHex`; the same string object for the same set, as long as there are not too many. */
  of(set: number): string {
    let text = this.#texts.get(set);
    if (text === undefined) {
      text = capabilitiesHex(set);
      if (this.#texts.size === MAX_SETS) this.#texts.clear();
      this.#texts.set(set, text);
    }
    return text;
  }
}
