// Building blocks of the query schemas, with messages for people.
import { z } from 'zod';

/**
 * A whole number in decimal digits. Coercion alone would take an empty value for 0, and so `?uid=` for root.
 * Numbers are taken too, for callers that build a query.
 */
export function queryInteger(min: number, max: number) {
  const message = `a whole number from ${min} to ${max}`;
  const digits = (value: unknown) =>
    typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return z.preprocess(digits, z.int(message).min(min, message).max(max, message));
}

/** A text that is not empty: an empty one would match everything, or nothing. */
export function queryText(maxChars: number) {
  const message = `a text of 1 to ${maxChars} characters, given once`;
  return z.string(message).min(1, message).max(maxChars, message);
}

/** A moment with its offset from UTC, to the nanosecond. The text stays as it is. */
export function queryTime() {
  const message = 'a time like 2026-11-23T10:00:00Z (RFC 3339; a + is written %2B)';
  return z.iso.datetime({ offset: true, error: message }).max(64, message);
}

/** The filters by what runs, of events and processes alike. */
export const programQuery = {
  executable: queryText(4096)
    .optional()
    .describe('path of the executable; without a slash its file name, in any directory'),
  comm: queryText(64).optional().describe("the kernel's short name"),
  uid: queryInteger(0, 4294967295).optional(),
  pid: queryInteger(0, 4294967295).optional(),
};

/** The filters by place, of events and processes alike. */
export const placeQuery = {
  pod: queryText(320).optional().describe('pod uid or the start of one, pod name, or namespace/name'),
  namespace: queryText(63).optional().describe('namespace of the pod'),
  workload: queryText(320).optional().describe('name of what owns the pod, or kind/name'),
  container: queryText(256).optional().describe('container id or the start of one, or container name'),
};

const placeQuerySchema = z.object(placeQuery);
export type PlaceQuery = z.infer<typeof placeQuerySchema>;
