// `make manifests`: writes deploy/manifests from the chart; --check only compares. For Kubernetes 1.30 and newer.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderChart } from './helm.ts';

const FOLDER = join(import.meta.dirname, '../deploy/manifests');
const HEAD =
  '# Made from deploy/chart/cognitod by `make manifests`; for Kubernetes 1.30 and newer (older: use the chart).\n';
const MODES = [
  { name: 'a-privileged', mode: 'privileged' },
  { name: 'b-unprivileged', mode: 'unprivileged' },
  { name: 'c-sidecar', mode: 'sidecar' },
];

/** The files of the folder, by their path in it. */
export function buildManifests(): Map<string, string> {
  return new Map(
    MODES.flatMap(({ name, mode }) => {
      const rendered = renderChart({ set: [`mode=${mode}`, 'namespace.create=true'] });
      // What only helm itself may claim.
      const manifests = rendered.replaceAll(
        /^ *(app\.kubernetes\.io\/managed-by|helm\.sh\/chart): .*\n/gm,
        '',
      );
      const kustomization =
        'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [cognitod.yaml]\n';
      return [
        [`${name}/cognitod.yaml`, HEAD + manifests],
        [`${name}/kustomization.yaml`, HEAD + kustomization],
      ] as const;
    }),
  );
}

if (import.meta.main) {
  const isCheck = process.argv.includes('--check');
  for (const [name, text] of buildManifests()) {
    const file = join(FOLDER, name);
    if (isCheck) {
      if (readFileSync(file, 'utf8') !== text) {
        console.error(`deploy/manifests/${name} is not what the chart gives: make manifests`);
        process.exitCode = 1;
      }
    } else {
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
    }
  }
}
