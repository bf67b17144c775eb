// docs/metrics.md says what the agent tells.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Metadata } from '../../identity/index.ts';
import { exit, FakeAgent, metricsSource, podIdentity } from '../fake-agent.fixture.ts';
import { createMetrics } from './metrics.ts';

const document = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
const rows = document
  .split('\n')
  .filter((line) => line.startsWith('| `cognitod_'))
  .map((line) => {
    const [, name, type, unit, labels, meaning] = line.split('|').map((cell) => cell.trim());
    return { name: name!.replaceAll('`', ''), type, unit: unit!, labels: labels!, meaning };
  });

/** A scrape in which every family has a series, if not for what this node lacks. */
async function scrape(): Promise<string> {
  const agent = new FakeAgent();
  const identity = podIdentity('uid-1', 'c1');
  const workload = { kind: 'Deployment', name: 'web' };
  agent.model.metadata.set(identity, { namespace: 'shop', workload } as unknown as Metadata);
  agent.activity.note(exit(), identity);
  const tls = () => ({ notAfterSeconds: 1, reloads: 0, failures: 0 });
  const metrics = createMetrics({ ...metricsSource(agent), tls });
  metrics.observeDelay(0.01);
  return metrics.text();
}

const text = await scrape();
const families = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(([, name, help, type]) => {
  const series = text.match(new RegExp(`^${name}(?:_bucket)?(?:\\{(.*)\\})? `, 'm'));
  assert.ok(series, `${name} has no series here: its labels cannot be compared`);
  const labels = [...(series[1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label!);
  return { name: name!, type, labels: labels.filter((label) => label !== 'le'), meaning: help };
});

test('docs/metrics.md lists each metric with its type, labels and help, and no other', () => {
  assert.ok(families.length > 50);
  const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1);
  assert.deepEqual(
    rows
      .map(({ unit: _unit, labels, ...row }) => ({
        ...row,
        labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label!),
      }))
      .toSorted(byName),
    families.toSorted(byName),
  );
});

test('units are those that the names say', () => {
  for (const { name, unit } of rows) {
    const inName = /_(seconds|bytes)(_total)?$/.exec(name)?.[1];
    if (inName === undefined) assert.doesNotMatch(unit, /^(seconds|bytes)$/, name);
    else assert.equal(unit, inName, name);
  }
});
