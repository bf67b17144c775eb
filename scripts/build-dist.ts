// Bundles the program into dist/ as plain JavaScript, for the image and the packages: `make dist`.
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { buildWeb } from './build-web.ts';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');

/** Names of npm packages, sorted. */
export interface Bundled {
  readonly program: readonly string[];
  /** Of the dashboard: development dependencies, which an installation for the image does not have. */
  readonly web: readonly string[];
}

/** Loaded at run time from node_modules: koffi for its native part, yaml only by those who have a configuration file. */
export const EXTERNAL_PACKAGES = ['koffi', 'yaml'];

/** The interpreter of dist/main.js in the image, for `kubectl exec … cognitod status`. */
const SHEBANG = '#!/opt/cognitod/bin/node --disable-warning=ExperimentalWarning';

/** CommonJS libraries expect these three; an ES module has none of them. */
const COMMONJS = [
  "import{createRequire as __createRequire}from'node:module';",
  'const require=__createRequire(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname;',
].join('');

/**
 * Writes dist/main.js, its chunks and the files that the sources read (kernel objects, protocol definitions, scripts of shells), these at
 * the same place below dist/ as below src/; the dashboard in dist/web. Returns the names of the npm packages that are in them.
 */
export async function buildDist(directory: string): Promise<Bundled> {
  rmSync(directory, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    outdir: directory,
    bundle: true,
    splitting: true,
    // Paths of modules are in the output: they must not say where node_modules really is.
    preserveSymlinks: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    external: EXTERNAL_PACKAGES,
    plugins: [keepSourcePlaces],
    banner: { js: COMMONJS },
    // Beside main.js: keepSourcePlaces counts on it.
    chunkNames: '[name]-[hash]',
    minifyWhitespace: true,
    minifySyntax: true,
    // The licences of what is in it go beside it, whole: scripts/image/licenses.ts.
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  for (const file of globSync('**/*.{o,proto,json,html,css,svg,bash,zsh,fish}', { cwd: SRC })) {
    if (file.split(sep).includes('testdata')) continue;
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    cpSync(join(SRC, file), join(directory, file));
  }
  chmodSync(join(directory, 'main.js'), 0o755);
  return { program: packagesOf(Object.keys(metafile.inputs)), web: await buildWeb(join(directory, 'web')) };
}

/** A module that asks where it is gets the place that it would have without the bundle. */
const keepSourcePlaces: Plugin = {
  name: 'keep-source-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const place = `./${relative(SRC, path).split(sep).join('/')}`;
      const url = `new URL(${JSON.stringify(place)},import.meta.url)`;
      const source = readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', `${url}.href`)
        .replaceAll('import.meta.dirname', `${url.replace(posix.basename(place), '.')}.pathname`);
      const isMain = relative(SRC, path) === 'main.ts';
      return { contents: isMain ? `${SHEBANG}\n${source}` : source, loader: 'ts' };
    });
  },
};

function packagesOf(inputs: string[]): string[] {
  const names = inputs.flatMap((input) => {
    const [, inside] = /^.*node_modules\/(.+)$/.exec(input) ?? [];
    if (inside === undefined) return [];
    const parts = inside.split('/');
    return [parts.slice(0, inside.startsWith('@') ? 2 : 1).join('/')];
  });
  return [...new Set(names)].sort();
}

if (import.meta.main) {
  const { program, web } = await buildDist(join(ROOT, 'dist'));
  console.log(
    `dist/main.js, with ${program.length} npm packages in it, ${web.length} in the dashboard; beside it: ${EXTERNAL_PACKAGES.join(', ')}`,
  );
}
