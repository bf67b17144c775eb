import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProcessId, parseProcessId } from './index.ts';

const BOOT = '1a2b3c4d-0000-4000-8000-000000000000';

test('a process id gives pid and start back, at any uptime', () => {
  fc.assert(
    fc.property(fc.nat({ max: 4194304 }), fc.bigInt({ min: 0n, max: 2n ** 63n }), (pid, startNs) => {
      assert.deepEqual(parseProcessId(BOOT, formatProcessId(BOOT, pid, startNs)), { pid, startNs });
    }),
  );
});

test('ids of another boot and malformed ids are not found', () => {
  const id = formatProcessId(BOOT, 1, 2n);
  assert.equal(parseProcessId('ffffffff-0000-4000-8000-000000000000', id), null);
  for (const wrong of ['', '1', 'x-y-z', `${id}-1`, '1a2b3c4d-1', '../../etc', '1a2b3c4d--']) {
    assert.equal(parseProcessId(BOOT, wrong), null, wrong);
  }
});
