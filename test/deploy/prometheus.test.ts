// Rules, alerts and dashboard: promtool understands them, every alert is tried, and they use metrics that there are.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { dashboards, filled, panelQueries } from './grafana.ts';
import {
  cannotRunPromtool,
  expressionProblems,
  namesIn,
  PROMETHEUS,
  rulesOf,
  runPromtool,
} from './promtool.ts';

const ROOT = join(import.meta.dirname, '../..');
const skip = cannotRunPromtool();
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const alerts = rulesOf('cognitod-alerts.yaml');
const recorded = rulesOf('cognitod-recording.yaml').map(({ record }) => record!);
/** Kept equal to the agent's own by src/serve/metrics/metrics-docs.test.ts. */
const documented = [...read('docs/metrics.md').matchAll(/^\| `(cognitod_\w+)` \| (\w+)/gm)];
const known = new Set([
  ...recorded,
  ...documented.flatMap(([, name, type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name! + suffix) : [name!],
  ),
]);

const panelExpressions = panelQueries.map(({ expr }) => expr);

test('promtool accepts the rules and the configuration', { skip }, () => {
  for (const args of [
    ['rules', '--lint=all', '--lint-fatal', 'cognitod-recording.yaml', 'cognitod-alerts.yaml'],
    ['config', 'prometheus.yaml'],
  ]) {
    const { status, output } = runPromtool('check', ...args);
    assert.equal(status, 0, output);
  }
});

test('every alert fires and stays silent as its tests say', { skip }, () => {
  const { status, output } = runPromtool('test', 'rules', 'cognitod-alerts.test.yaml');
  assert.equal(status, 0, output);
});

test('every alert has a test that it fires and one that it does not', () => {
  const { tests } = parse(readFileSync(join(PROMETHEUS, 'cognitod-alerts.test.yaml'), 'utf8')) as {
    tests: { alert_rule_test?: { alertname: string; exp_alerts: object[] }[] }[];
  };
  const tried = tests.flatMap(({ alert_rule_test }) => alert_rule_test ?? []);
  for (const fires of [true, false])
    assert.deepEqual(
      tried
        .filter(({ exp_alerts }) => exp_alerts.length > 0 === fires)
        .map(({ alertname }) => alertname)
        .toSorted(),
      alerts.map(({ alert }) => alert).toSorted(),
    );
});

test('every alert says how bad it is, what happened, and where to read on', () => {
  const sections = [...read('docs/runbooks.md').matchAll(/^## (\w+)$/gm)].map(([, title]) => title);
  assert.deepEqual(
    sections,
    alerts.map(({ alert }) => alert),
  );
  const reasons = read('docs/runbooks.md').match(/^\*\*Threshold\*\*: ./gm) ?? [];
  assert.equal(reasons.length, alerts.length, 'why each threshold is what it is');
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels!.severity!, /^(critical|warning|info)$/);
    for (const text of [annotations!.summary!, annotations!.description!])
      assert.ok(text.length > 10, alert!);
    assert.ok(annotations!.runbook_url!.endsWith(`/docs/runbooks.md#${alert!.toLowerCase()}`));
  }
});

test('rules use only metrics that the agent has', () => {
  const names = ['cognitod-recording.yaml', 'cognitod-alerts.yaml'].flatMap((name) =>
    rulesOf(name).flatMap(({ expr }) => namesIn(expr)),
  );
  assert.ok(names.length > 40);
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
});

test('the dashboard: expressions that promtool accepts, with metrics that the agent has', { skip }, () => {
  assert.ok(panelExpressions.length >= 12);
  assert.equal(expressionProblems(panelExpressions.map((expr) => filled(expr))), '');
  assert.notEqual(expressionProblems(['sum(']), '');
  const names = panelExpressions.flatMap(namesIn);
  assert.ok(names.length >= panelExpressions.length);
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
});

test('the dashboard has its variables and panels with titles and numbers of their own', () => {
  assert.equal(dashboards.length, 1);
  for (const { panels, templating } of dashboards) {
    assert.deepEqual(
      templating.list.map(({ name }) => name),
      ['datasource', 'node', 'namespace'],
    );
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  }
});
