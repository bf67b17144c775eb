// A root that would not run is found before it becomes an image.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkRoot } from '../../scripts/image/rootfs.ts';

const skip = existsSync('/usr/bin/readelf') ? false : 'binutils is not installed (scripts/setup image)';

test('a library that is missing, and a binary of another architecture, are errors', { skip }, () => {
  const root = mkdtempSync(join(tmpdir(), 'cognitod-root-check-'));
  try {
    mkdirSync(join(root, 'opt/bin'), { recursive: true });
    mkdirSync(join(root, 'usr/lib'), { recursive: true });
    writeFileSync(join(root, 'opt/bin/text'), '#!/bin/sh\n');
    assert.doesNotThrow(() => checkRoot(root, 'amd64'));
    copyFileSync(process.execPath, join(root, 'opt/bin/node'));
    const [own, other] =
      process.arch === 'arm64' ? (['arm64', 'amd64'] as const) : (['amd64', 'arm64'] as const);
    assert.throws(() => checkRoot(root, own), /node needs libc\.so\.6\n.*node needs \/lib/s);
    assert.throws(() => checkRoot(root, other), /node is for /);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
