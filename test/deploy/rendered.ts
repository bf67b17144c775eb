// The chart rendered for every documented set of values, and for clusters old and new.
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { POLICIES, type Rendering, renderChart } from '../../scripts/helm.ts';

const VALUES = join(import.meta.dirname, '../../deploy/chart');

/** Any Kubernetes object, with what all have. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of many kinds; schema.test.ts knows their types
  readonly [field: string]: any;
}

export type Labels = Readonly<Record<string, string>>;

/** Names of the documented sets: deploy/chart/values-NAME.yaml. */
export const SETS: readonly string[] = globSync('values-*.yaml', { cwd: VALUES })
  .map((file) => basename(file).slice('values-'.length, -'.yaml'.length))
  .sort();

export const valuesOf = (set: string): string => join(VALUES, `values-${set}.yaml`);

/** The two ends: 1.20 without newer objects and fields, and a recent one with all. */
export const CLUSTERS: readonly { name: string; kubeVersion: string; apis: readonly string[] }[] = [
  { name: 'Kubernetes 1.20', kubeVersion: '1.20.2', apis: [] },
  { name: 'Kubernetes 1.33', kubeVersion: '1.33.0', apis: [POLICIES] },
];

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0]!;
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}

const rendered = new Map<string, Manifest[]>();

/** Rendered once for each set of values: not to be changed. */
export function render(rendering: Rendering): Manifest[] {
  const key = JSON.stringify(rendering);
  const manifests = rendered.get(key) ?? parseManifests(renderChart(rendering));
  rendered.set(key, manifests);
  return manifests;
}

export const renderSet = (set: string, rendering: Rendering = {}): Manifest[] =>
  render({ ...rendering, values: valuesOf(set) });

/** The only object of a kind; the name decides where there are several. */
export function find(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  if (found.length !== 1)
    throw new Error(`${found.length} objects of kind ${kind}${name ? ` named ${name}` : ''}`);
  return found[0]!;
}

/** The template of the pods: DaemonSet or Deployment. */
export const podTemplate = (manifests: readonly Manifest[]): Manifest =>
  manifests.find(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment')!.spec.template;
