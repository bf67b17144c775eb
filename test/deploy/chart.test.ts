// The chart as helm sees it: lint, typing errors in values, and the plain manifests.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { buildManifests, chartFiles } from '../../scripts/build-manifests.ts';
import { CHART, cannotRunHelm, renderChart, runHelm } from '../../scripts/helm.ts';
import { VERSION } from '../../src/lib/version.ts';
import { podTemplate, render, SETS, valuesOf } from './rendered.ts';

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

test('the chart has the rules of deploy/prometheus and its own defaults, and makes them PrometheusRules', {
  skip,
}, () => {
  const files = chartFiles();
  for (const [name, text] of files)
    assert.equal(readFileSync(join(CHART, name), 'utf8'), text, `${name} is old: make manifests`);
  const rules = render({ set: ['prometheusRule.enabled=true', 'prometheusRule.labels.release=p'] }).filter(
    ({ kind }) => kind === 'PrometheusRule',
  );
  assert.deepEqual(
    rules.map(({ metadata, spec }) => [metadata.name, metadata.labels!.release, spec]),
    [...files]
      .filter(([name]) => name !== 'files/defaults.yaml')
      .map(([name, text]) => [name.slice('files/'.length, -'.yaml'.length), 'p', parse(text)]),
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

/** A file of values, e.g. as a person or a tool writes it. */
function fileOf(t: TestContext, values: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-values-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'values.yaml'), values);
  return join(folder, 'values.yaml');
}

/** The values with each key at a depth (as far as the schema is closed) null. */
const nulled = (values: object, depth: number, path = ''): object =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const isSection = value !== null && typeof value === 'object' && !Array.isArray(value);
      const goesOn = depth > 0 && isSection && isClosed(path + key) && Object.keys(value).length > 0;
      return [key, goesOn ? nulled(value, depth - 1, `${path}${key}.`) : null];
    }),
  );

for (const mode of ['privileged', 'unprivileged', 'sidecar'])
  test(`keys with nothing but comments under them are as default: ${mode}`, { skip }, (t) => {
    const { mode: _, ...values } = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
    const set = [`mode=${mode}`];
    const expected = renderChart({ set });
    for (const depth of [0, 1, 2, 3]) {
      const file = fileOf(t, stringify(nulled(values, depth)));
      assert.equal(renderChart({ values: file, set }), expected, `depth ${depth}`);
    }
    const written = 'config:\n#  kernel: {ring_bytes: 32MiB}\nnodeSelector:\n#  disk: ssd\nresources:\n';
    assert.equal(renderChart({ values: fileOf(t, written), set }), expected);
  });

test('a default of Kubernetes or of the agent can still be taken away with null', { skip }, (t) => {
  const values =
    'resources: {limits: {memory: null}}\nnodeSelector: {kubernetes.io/os: null}\nobservabilityTier: false\n';
  const { spec } = podTemplate(render({ values: fileOf(t, values) }));
  assert.deepEqual(spec.containers[0].resources, { limits: {}, requests: { cpu: '50m', memory: '128Mi' } });
  assert.equal('nodeSelector' in spec, false);
  // What is false, empty or nothing is a value.
  const off = render({ values: fileOf(t, 'networkPolicy: {enabled: false}\nb: {nonRoot: false}\n') });
  assert.ok(off.every(({ kind }) => kind !== 'NetworkPolicy'));
  assert.equal(podTemplate(off).spec.containers[0].securityContext.runAsUser, 0);
});

test('the notes warn of a token that is made, and not where a Secret is given', { skip }, () => {
  const notes = (...set: string[]) =>
    runHelm([
      ...['install', 'cognitod', CHART, '--dry-run=client', '--namespace=n'],
      ...set.map((one) => `--set=${one}`),
    ]).split('NOTES:')[1]!;
  const warning = /WARNING: this chart made a token\. .*replaces it at every sync.*api\.existingSecret/s;
  assert.match(notes('api.expose=true'), warning);
  assert.match(notes('api.expose=true', 'api.existingSecret=a', 'api.admin.enabled=true'), warning);
  for (const set of [['api.expose=false'], ['api.expose=true', 'api.existingSecret=a'], ['mode=sidecar']])
    assert.doesNotMatch(notes(...set), /WARNING/);
});

test('with Secrets that are given two renderings are the same, and hold no token', { skip }, () => {
  const set = ['expose=true', 'existingSecret=a', 'admin.enabled=true', 'admin.existingSecret=b'];
  const rendering = { set: set.map((one) => `api.${one}`) };
  assert.equal(renderChart(rendering), renderChart(rendering));
  assert.ok(render(rendering).every(({ kind }) => kind !== 'Secret'));
});
