// What a value of the configuration may be: from the file with its type, from the environment as text.
import { z } from 'zod';
import { parseListen } from '../listen.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Bytes as a number, or as text like `8MiB`. Null when it is neither. */
export function parseBytes(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null;
  if (typeof value !== 'string') return null;
  const match = /^(\d{1,15})\s*(KiB|MiB|GiB)?$/.exec(value.trim());
  return match === null ? null : Number(match[1]) * UNITS[match[2] ?? '']!;
}

/** From the environment every value is text. */
export function integer(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  const read = (value: unknown) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return z.preprocess(read, z.int(message).min(min, message).max(max, message));
}

export function bytes(min: number, max: number, powerOfTwo = false) {
  const message = `must be ${powerOfTwo ? 'a power of two ' : ''}from ${min} to ${max} bytes, as a number or like 8MiB`;
  return z.unknown().transform((value, context) => {
    const count = parseBytes(value);
    if (count !== null && count >= min && count <= max && (!powerOfTwo || Number.isInteger(Math.log2(count))))
      return count;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

export const listen = z.unknown().transform((value, context) => {
  const address = typeof value === 'string' ? parseListen(value) : null;
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: 'must be host:port, e.g. 127.0.0.1:3000 or [::1]:3000' });
  return z.NEVER;
});

export const flag = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean('must be true or false'),
);
export const list = (item: z.ZodType<string>) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').filter((part) => part !== '') : value),
    z.array(item, 'must be a list').max(1000),
  );
export const argumentName = z
  .string('must be the name of an option or variable')
  .regex(/^-{0,2}[A-Za-z][\w.-]{0,63}$/, 'must be the name of an option or variable, like pin or --card-pin');
export const pattern = z.string('must be a regular expression').superRefine((source, context) => {
  try {
    new RegExp(source);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no regular expression: ${(error as Error).message}` });
  }
});
export const labelName = z
  .string('must be the name of a label')
  .regex(
    /^(?:[\w./-]{1,317}\*?|\*)$/,
    'must be the name of a label, like app or app.kubernetes.io/name, or a beginning like team/*',
  );
export const quantity = z
  .string('must be a quantity of Kubernetes')
  .regex(/^\d+(?:\.\d+)?(?:m|k|M|G|Ki|Mi|Gi)?$/, 'must be a quantity of Kubernetes, like 100m or 64Mi');
export const objectName = z
  .string('must be the name of a Kubernetes object')
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be the name of a Kubernetes object');
export const cgroupRoot = z
  .string('must be the path of a cgroup')
  .regex(/^(?:\/[^/\n]{1,255}){1,32}\/?$/, 'must be the path of a cgroup, like /docker/* or /site.slice');
export const path = z.string('must be a path').min(1, 'must be a path').max(4096);
export const optional = <T extends z.ZodType>(type: T) =>
  z.preprocess((value) => (value === '' ? null : value), type.nullable());
export const choice = <T extends string>(...values: T[]) =>
  z.enum(values as [T, ...T[]], `must be one of ${values.join(', ')}`);

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
