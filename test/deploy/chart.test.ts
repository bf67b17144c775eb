// The chart as helm sees it: lint, typing errors in values, and the plain manifests.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { buildManifests, chartRules } from '../../scripts/build-manifests.ts';
import { CHART, cannotRunHelm, renderChart, runHelm } from '../../scripts/helm.ts';
import { VERSION } from '../../src/lib/version.ts';
import { render, SETS, valuesOf } from './rendered.ts';

const skip = cannotRunHelm();
const MANIFESTS = join(import.meta.dirname, '../../deploy/manifests');

test('helm lint is content with every documented set of values', { skip }, () => {
  assert.ok(SETS.length >= 12);
  for (const set of SETS) runHelm(['lint', '--strict', CHART, `--values=${valuesOf(set)}`]);
});

test('the chart has the version of the agent', () => {
  const { version, appVersion } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
  assert.deepEqual([version, appVersion], [VERSION, VERSION]);
});

for (const [assignment, message] of [
  ['nodeselector.a=b', /additional properties 'nodeselector' not allowed/],
  ['a.sysptrace=true', /'sysptrace' not allowed/],
  ['mode=privilegd', /one of 'privileged', 'unprivileged', 'sidecar'/],
  ['hostPID=yes', /boolean/],
  ['api.port=70000', /maximum/],
  ['image.digest=sha256:1234', /pattern/],
  ['cri.enabled=true', /cri\.enabled needs root/],
  ['config.proc_root=/proc', /config\.proc_root is set by the chart/],
  ["configEditors.group=a'b", /pattern/],
  ['api.admin.enabled=true', /api\.admin\.enabled needs api\.expose/],
  ['api.admin.enable=true', /'enable' not allowed/],
  [
    'api.expose=true,api.existingSecret=a,api.admin.enabled=true,api.admin.existingSecret=a',
    /api\.admin\.existingSecret is that of the read token/,
  ],
] as const) {
  test(`--set ${assignment} is refused with a reason`, { skip }, () => {
    assert.throws(() => render({ set: [assignment] }), message);
  });
}

test('every value of values.yaml is in its schema, and every value of the schema has a default', () => {
  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
  // `global` is helm's own.
  delete schema.properties.global;
  assert.deepEqual(keysOf(values), schemaKeys(schema));
});

/** Dotted paths, down to what the schema leaves free. */
function keysOf(values: object, path = ''): string[] {
  return Object.entries(values)
    .flatMap(([key, value]) => [
      path + key,
      ...(isClosed(path + key) && value !== null && !Array.isArray(value) && typeof value === 'object'
        ? keysOf(value, `${path}${key}.`)
        : []),
    ])
    .sort();
}

/** Kubernetes' own words, or the agent's. */
const OPEN =
  /^(nodeSelector|affinity|config|.*resources|updateStrategy|podAnnotations|podLabels|serviceAccount\.annotations|podMonitor\.labels|prometheusRule\.labels|c\.certificates\.issuerRef)$/;
const isClosed = (path: string) => !OPEN.test(path);

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

function schemaKeys(schema: Schema, path = ''): string[] {
  return Object.entries(schema.properties ?? {})
    .flatMap(([key, inner]) => [
      path + key,
      ...(isClosed(path + key) ? schemaKeys(inner, `${path}${key}.`) : []),
    ])
    .sort();
}

test('deploy/manifests is what the chart gives', { skip }, () => {
  const built = buildManifests();
  for (const [name, text] of built)
    assert.equal(readFileSync(join(MANIFESTS, name), 'utf8'), text, `${name} is old: make manifests`);
  const there = readdirSync(MANIFESTS, { recursive: true, encoding: 'utf8' });
  assert.deepEqual(there.filter((name) => name.endsWith('.yaml')).sort(), [...built.keys()].sort());
});

test('the chart has the rules of deploy/prometheus, and makes them PrometheusRules', { skip }, () => {
  for (const [name, text] of chartRules())
    assert.equal(readFileSync(join(CHART, name), 'utf8'), text, `${name} is old: make manifests`);
  const rules = render({ set: ['prometheusRule.enabled=true', 'prometheusRule.labels.release=p'] }).filter(
    ({ kind }) => kind === 'PrometheusRule',
  );
  assert.deepEqual(
    rules.map(({ metadata, spec }) => [metadata.name, metadata.labels!.release, spec]),
    [...chartRules()].map(([name, text]) => [name.slice('files/'.length, -'.yaml'.length), 'p', parse(text)]),
  );
  const renamed = renderChart({ set: ['prometheusRule.enabled=true', 'name=eyes'] });
  assert.match(renamed, /up\{job=~"\(\.\+\/\)\?eyes"\} == 0/);
  for (const set of ['mode=unprivileged', 'mode=sidecar,prometheusRule.enabled=true'])
    assert.ok(render({ set: [set] }).every(({ kind }) => kind !== 'PrometheusRule'));
});

test('a rendering is the same twice, but for a token that is made', { skip }, () => {
  for (const set of SETS.filter((name) => name !== 'a-everything')) {
    const rendering = { values: valuesOf(set) };
    assert.equal(renderChart(rendering), renderChart(rendering));
  }
});
