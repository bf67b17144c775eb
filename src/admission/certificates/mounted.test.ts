import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { issueCertificate, type Issued } from './issue.ts';
import { MountedCertificate } from './mounted.ts';
import type { Pair } from './pair.ts';

test('files that change as the kubelet changes them are served, and halves of a change are not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-mounted-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  /** New content in a folder of its own, then one link changes. */
  const publish = (name: string, cert: string, key: string) => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'tls.crt'), cert);
    writeFileSync(join(folder, name, 'tls.key'), key);
    symlinkSync(name, join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, '..data'));
  };
  const mounted = new MountedCertificate(folder, 5);
  const [served, said]: [Pair[], string[]] = [[], []];
  mounted.start({
    serve: (pair) => void served.push(pair),
    info: () => {},
    warn: (text) => void said.push(text),
  });
  t.after(() => mounted.close());
  assert.match(mounted.reason!, /cannot be used: ENOENT/);
  symlinkSync('..data/tls.crt', join(folder, 'tls.crt'));
  symlinkSync('..data/tls.key', join(folder, 'tls.key'));
  const [one, two] = [await issue(), await issue()];
  publish('1', one.cert, one.key);
  await until(() => served.length === 1 && mounted.reason === null);
  publish('2', two.cert, one.key);
  await until(() => /does not belong/.test(mounted.reason ?? ''));
  assert.equal(served.length, 1);
  publish('3', two.cert, two.key);
  await until(() => served.length === 2 && mounted.reason === null);
  assert.deepEqual(
    served.map(({ cert }) => cert),
    [one.cert, two.cert],
  );
  assert.equal(said.length, 2);
  assert.ok(!said.join().includes('PRIVATE'));
});

const issue = (): Promise<Issued> => issueCertificate(['a.b.svc'], Date.now(), 86_400_000);

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !holds(); ) {
    if (performance.now() > end) throw new Error(`not in time: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
