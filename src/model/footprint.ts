// Estimates of the memory that the table's objects take, calibrated by `make bench` (model memory).
import type { Image } from './process.ts';

/** A process with its map entries and its place in the parent's set of children. */
export const PROCESS_BYTES = 768;
const IMAGE_BYTES = 96;
/** Header of a one-byte string and the reference to it. */
const STRING_BYTES = 24;

export function imageBytes(image: Image): number {
  let bytes = IMAGE_BYTES;
  if (image.executable !== null) bytes += STRING_BYTES + image.executable.length;
  for (const argument of image.argv ?? []) bytes += STRING_BYTES + argument.length;
  return bytes;
}
