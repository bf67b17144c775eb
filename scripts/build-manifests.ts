// `make manifests`: writes deploy/manifests from the chart, whose rules for Prometheus are those of deploy/prometheus; --check
// only compares. For Kubernetes 1.30 and newer.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { CHART, renderChart } from './helm.ts';

const FOLDER = join(import.meta.dirname, '../deploy/manifests');
const RULES = join(import.meta.dirname, '../deploy/prometheus');
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

/** The rules, which helm takes only from its own folder, and the defaults, which no template can read otherwise. By their path in the chart. */
export const chartFiles = (): Map<string, string> =>
  new Map([
    ...['cognitod-recording.yaml', 'cognitod-alerts.yaml'].map(
      (name) => [`files/${name}`, readFileSync(join(RULES, name), 'utf8')] as const,
    ),
    ['files/defaults.yaml', defaultValues()] as const,
  ]);

/** values.yaml without its comments. */
const defaultValues = (): string =>
  `# Made from values.yaml by \`make manifests\`.\n${stringify(parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')))}`;

if (import.meta.main) {
  const isCheck = process.argv.includes('--check');
  const settle = (folder: string, files: Map<string, string>) => {
    for (const [name, text] of files) {
      const file = join(folder, name);
      if (isCheck) {
        if (readFileSync(file, 'utf8') !== text) {
          console.error(`${file} is old: make manifests`);
          process.exitCode = 1;
        }
      } else {
        mkdirSync(join(file, '..'), { recursive: true });
        writeFileSync(file, text);
      }
    }
  };
  settle(CHART, chartFiles());
  settle(FOLDER, buildManifests());
}
