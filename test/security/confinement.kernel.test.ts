// Nothing comes back after the drop: an attacker with the agent's own descriptors, in its place.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { landlockVersion } from '../../src/os/index.ts';
import type { Confinement } from '../../src/start/index.ts';
import { collect } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import type { Attempt, Outcomes } from './attacker.ts';

interface Attacked {
  readonly confinement: Confinement;
  readonly bpfDescriptors: readonly number[];
  readonly outcomes: Outcomes;
}

describe('an attacker in the place of the agent', { skip: cannotUseBpf() }, () => {
  let folder: string;
  let victim: ChildProcess;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cognitod-attack-'));
    victim = spawn(process.execPath, ['-e', 'process.on("SIGUSR1", () => {}); setInterval(() => {}, 1e6)']);
    await once(victim, 'spawn');
  });
  after(async () => {
    victim.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  async function attack(privileges: Record<string, unknown>, hooks: 'tp_btf' | 'raw_tp'): Promise<Attacked> {
    const file = join(folder, 'not-yours');
    writeFileSync(file, 'mine', { mode: 0o600 });
    const configuration = { collector: 'ebpf', kernel: { hooks }, privileges };
    const attempt: Attempt = { configuration, file, victim: victim.pid! };
    const script = join(import.meta.dirname, 'attacker.ts');
    const child = spawn(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      script,
      JSON.stringify(attempt),
    ]);
    const { stdout, stderr, code } = await collect(child);
    assert.equal(code, 0, stderr);
    const attacked = JSON.parse(stdout) as Attacked;
    assert.equal(readFileSync(file, 'utf8') === 'mine', !succeeded(attacked).includes('write a file'));
    return attacked;
  }

  const succeeded = ({ outcomes }: Attacked) =>
    Object.entries(outcomes)
      .filter(([, all]) => all.includes('done'))
      .map(([name]) => name)
      .sort();

  for (const hooks of ['tp_btf', 'raw_tp'] as const) {
    test(`${hooks}: gets nothing done, and every call is refused by the filter or by Landlock`, async () => {
      const attacked = await attack({}, hooks);
      const { systemCalls, landlock, missing } = attacked.confinement;
      assert.equal(systemCalls, true, missing.join('; '));
      assert.equal(landlock, landlockVersion());
      const others = landlock === null ? ['signal', 'start a program', 'write a file'] : [];
      const signals = landlock !== null && landlock < 6 ? ['signal'] : [];
      assert.deepEqual(succeeded(attacked), [...others, ...signals]);
      // Six or seven links, the ring and the counters.
      assert.equal(attacked.bpfDescriptors.length, hooks === 'tp_btf' ? 9 : 8);
      const calls = Object.entries(attacked.outcomes).filter(([name]) =>
        / (program|map|counters)/.test(name),
      );
      for (const [name, all] of calls.filter(([name]) => name !== 'start a program'))
        assert.deepEqual([...new Set(all)], ['EPERM'], name);
    });

    test(`${hooks}: without the confinement the descriptors alone give nothing either`, async () => {
      const attacked = await attack({ confine: false }, hooks);
      // To freeze the ring only keeps the agent itself from mapping it anew.
      const bpf = /^(run|write the|remove|attach|link|replace|detach|pin) /;
      assert.deepEqual(
        succeeded(attacked).filter((name) => bpf.test(name) && name !== 'write a file'),
        [],
      );
      // As root without capabilities it can do this, which the confinement is for.
      for (const name of [
        'write a file',
        'start a program',
        'signal',
        'change the mode of a file',
        'limit another process',
      ])
        assert.ok(succeeded(attacked).includes(name), name);
    });
  }

  test('who keeps everything can: these attacks do work', async () => {
    const attacked = await attack({ drop: false }, 'raw_tp');
    const done = succeeded(attacked);
    for (const name of ['run a program', 'attach a program again', 'a program by its number', 'make a map'])
      assert.ok(done.includes(name), `${name}: ${attacked.outcomes[name]}`);
    // The counters are closed to user space whoever asks.
    assert.ok(!done.includes('write the counters'));
  });
});
