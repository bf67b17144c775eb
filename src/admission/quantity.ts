// Quantities of Kubernetes as numbers, to compare those that are written in different ways.

/** Digits, and what they are multiplied with. */
const QUANTITY =
  /^([+-]?)(\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(n|u|m|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?\d{1,2})?$/;
const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY = 'KMGTPE';

/**
 * In units of 10^-9, the smallest that Kubernetes keeps: what is smaller is rounded up, away from zero, as there. Null for
 * what is no quantity (k8s.io/apimachinery, pkg/api/resource/quantity.go).
 */
export function parseQuantity(value: string | number): bigint | null {
  const parts = QUANTITY.exec(String(value));
  if (parts === null) return null;
  const [, sign, digits = '', suffix = ''] = parts;
  const [whole = '', fraction = ''] = digits.split('.');
  let numerator = BigInt(whole + fraction);
  let exponent = 9 - fraction.length;
  if (suffix.endsWith('i')) numerator *= 1024n ** BigInt(BINARY.indexOf(suffix[0]!) + 1);
  else exponent += DECIMAL[suffix] ?? Number(suffix.slice(1));
  if (exponent >= 0) numerator *= 10n ** BigInt(exponent);
  else {
    const divisor = 10n ** BigInt(-exponent);
    numerator = (numerator + divisor - 1n) / divisor;
  }
  return sign === '-' ? -numerator : numerator;
}
