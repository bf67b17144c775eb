// Does the kernel take, attach and run the programs, in both styles, and what did its verifier have to walk through?
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { checkLayout, COUNTER_LAYOUT } from '../../../src/decode/index.ts';
import {
  type HookStyle,
  loadPrograms,
  mapOf,
  readCounters,
  readPrograms,
} from '../../../src/kernel/index.ts';
import { tell } from './report.ts';

/** Where the kernel is locked down to confidentiality raw tracepoints can read nothing, and must say so. */
const lockedDown = (): boolean => {
  try {
    return readFileSync('/sys/kernel/security/lockdown', 'utf8').includes('[confidentiality]');
  } catch {
    return false;
  }
};

function load(hooks: HookStyle) {
  const start = performance.now();
  const programs = loadPrograms({
    hooks,
    ringBytes: 1 << 20,
    argvBytes: 4096,
    btfPath: null,
    checkTypes: checkLayout,
  });
  try {
    const loadMs = Math.round(performance.now() - start);
    spawnSync('/bin/true');
    const { kinds } = readCounters(mapOf(programs, 'counters'), programs.possibleCpus, COUNTER_LAYOUT);
    const counted = [kinds.fork, kinds.exec, kinds.exit].map(({ happened }) => happened);
    const read = readPrograms(programs, '/proc');
    const verified = Object.fromEntries(
      numbered(read.map(({ hook }) => hook.replace(/^.*\//, ''))).map((name, index) => [
        name,
        read[index]!.verifiedInstructions,
      ]),
    );
    const { preemptible, readsKernel } = programs;
    const missing = programs.missing.filter(({ reason }) => reason !== null);
    return { loadMs, counted, preemptible, readsKernel, verified, missing };
  } finally {
    programs.close();
  }
}

/** Copies of a program are on one hook. */
function numbered(names: readonly string[]): string[] {
  return names.map((name, index) => {
    const before = names.slice(0, index).filter((one) => one === name).length;
    return before === 0 ? name : `${name} ${before + 1}`;
  });
}

await tell('load', () => {
  const figures: Record<string, unknown> = {};
  let ok = true;
  for (const hooks of ['tp_btf', 'raw_tp'] as const) {
    try {
      const loaded = load(hooks);
      figures[hooks] = loaded;
      ok &&= loaded.counted.every((count) => count > 0) && loaded.missing.length === 0;
    } catch (error) {
      const { message } = error as Error;
      figures[hooks] = { refused: message };
      ok &&= hooks === 'raw_tp' && lockedDown() && message.includes('locked down to confidentiality');
    }
  }
  const { readsKernel, preemptible } = figures.tp_btf as { readsKernel?: boolean; preemptible?: boolean };
  const words = [
    'refused' in (figures.raw_tp as object) ? 'tp_btf' : 'tp_btf, raw_tp',
    ...(preemptible === true ? ['copies'] : []),
    ...(readsKernel === false ? ['without names of cgroups'] : []),
  ];
  return { ok, text: ok ? words.join('; ') : 'refused', figures };
});
