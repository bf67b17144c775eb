// Capability sets as /proc and people write them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPABILITIES, capabilitiesHex, capabilitiesText, capabilityNames } from './capabilities.ts';

test('a set has 16 digits, whatever is in it', () => {
  assert.equal(capabilitiesHex(0), '0000000000000000');
  assert.equal(capabilitiesHex(2 ** 41 - 1), '000001ffffffffff');
  assert.equal(capabilitiesHex(1 << 10), '0000000000000400');
});

test('names are those of capability.h, and of the number where there is no name yet', () => {
  assert.deepEqual(capabilityNames('0000000000002400'), ['CAP_NET_BIND_SERVICE', 'CAP_NET_RAW']);
  assert.deepEqual(capabilityNames('8000020000000000'), ['CAP_41', 'CAP_63']);
});

test('people read all, none, and names of what there is or of what is missing, whichever are fewer', () => {
  assert.equal(CAPABILITIES.length, 41);
  for (const [hex, text] of [
    ['0000000000000000', 'none'],
    ['0000000000000400', 'NET_BIND_SERVICE'],
    ['000000c000000000', 'PERFMON, BPF'],
    ['000001ffffffffff', 'all'],
    // Of a kernel that has more than this list.
    ['000003ffffffffff', 'all'],
    ['0000020000000000', 'CAP_41'],
    ['000001fffeffffff', 'all but SYS_RESOURCE'],
    // Of Linux 5.4, which has 38.
    ['0000003fffffffff', 'all but PERFMON, BPF, CHECKPOINT_RESTORE'],
    // What containers have by default.
    [
      '00000000a80425fb',
      'CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP',
    ],
  ] as const)
    assert.equal(capabilitiesText(hex), text, hex);
});
