// Keeps an answer within the bound that the contract promises.
import { MAX_ANSWER_BYTES } from '../../api/index.ts';

/** For what surrounds the parts. */
const ENVELOPE_BYTES = 65_536;

/** Counts the JSON of the parts of one answer, exactly: a guess would be far off for arguments made to be long. */
export class AnswerBudget {
  #bytes = MAX_ANSWER_BYTES - ENVELOPE_BYTES;

  /** False when the part does not fit any more; then the answer must end before it. */
  takes(part: unknown): boolean {
    // One for the comma.
    this.#bytes -= Buffer.byteLength(JSON.stringify(part)) + 1;
    return this.#bytes >= 0;
  }
}
