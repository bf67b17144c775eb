// Whether a pod is Guaranteed, as the kubelet finds out (pkg/apis/core/v1/helper/qos): quantities of nothing do not count, and
// requests are compared with limits over all containers together.
import { type Container, otherContainers, type Pod } from './pod.ts';
import { parseQuantity } from './quantity.ts';

const NAMES = ['cpu', 'memory'] as const;
type Amounts = Record<(typeof NAMES)[number], bigint>;

/** Without our own sidecar. False for a pod with a quantity that is none. */
export function isGuaranteed(pod: Pod): boolean {
  const requests: Amounts = { cpu: 0n, memory: 0n };
  const limits: Amounts = { cpu: 0n, memory: 0n };
  for (const { resources } of otherContainers(pod)) {
    for (const name of NAMES) {
      const limit = amount(resources?.limits, name);
      // The API server takes the limit for a request that is not there.
      const request = resources?.requests?.[name] === undefined ? limit : amount(resources.requests, name);
      if (limit === null || request === null || limit <= 0n) return false;
      limits[name] += limit;
      requests[name] += request > 0n ? request : 0n;
    }
  }
  return NAMES.every((name) => requests[name] === limits[name]);
}

function amount(
  amounts: NonNullable<Container['resources']>['limits'],
  name: (typeof NAMES)[number],
): bigint | null {
  const value = amounts?.[name];
  return value === undefined ? 0n : parseQuantity(value);
}
