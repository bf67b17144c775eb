// Builds the dashboard into build/web: `make web`. `--if-changed` does nothing when its sources are those of the last build;
// `--output DIRECTORY` builds elsewhere.
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { licensesText } from './image/licenses.ts';
import { npmPackages } from './image/npm.ts';

const ROOT = join(import.meta.dirname, '..');
const OUTPUT = join(ROOT, 'build/web');
/** Hash of what the build in OUTPUT was made of. */
const STAMP = join(ROOT, 'build/web.stamp');
const INPUTS = [
  'web/**/*',
  'src/api/**/*.ts',
  'src/lib/**/*.ts',
  'scripts/build-web.ts',
  'package-lock.json',
];
/** All of these have light-dark(), nesting and color-mix(): no second style sheet for older ones. */
const BROWSERS = ['chrome123', 'firefox120', 'safari17.5'];
/** Smaller files do not gain by it. */
const COMPRESS_ABOVE_BYTES = 512;

/**
 * Writes index.html and assets/, each beside its compressed forms. The same sources give the same bytes in every place.
 * Returns the names of the npm packages that are in it, sorted.
 */
export async function buildWeb(directory: string): Promise<string[]> {
  const { build } = await import('vite');
  const modules = new Set<string>();
  rmSync(directory, { recursive: true, force: true });
  await build({
    configFile: false,
    root: join(ROOT, 'web'),
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: directory,
      emptyOutDir: true,
      target: BROWSERS,
      // An icon inside the style sheet could not be cached by itself, and needs another policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
    plugins: [
      {
        name: 'list-packages',
        generateBundle(_options, bundle) {
          for (const chunk of Object.values(bundle))
            if (chunk.type === 'chunk') for (const id of chunk.moduleIds) modules.add(id);
        },
      },
    ],
  });
  const packages = packagesOf(modules);
  const texts = licensesText(npmPackages(join(ROOT, 'node_modules'), packages), [], '');
  writeFileSync(join(directory, 'assets/licenses.txt'), texts);
  for (const file of globSync('**/*.{html,js,css,svg,txt}', { cwd: directory }))
    compress(join(directory, file));
  return packages;
}

function compress(path: string): void {
  const content = readFileSync(path);
  if (content.length < COMPRESS_ABOVE_BYTES) return;
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params: quality }));
}

function packagesOf(modules: Iterable<string>): string[] {
  const names = [...modules].flatMap(
    (id) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id.replace(/^\0/, ''))?.[1] ?? [],
  );
  return [...new Set(names)].sort();
}

function hashOfInputs(): string {
  const hash = createHash('sha256');
  for (const file of globSync(INPUTS, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash
      .update(`${file.slice(ROOT.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { 'if-changed': { type: 'boolean', default: false }, output: { type: 'string' } },
  });
  if (values.output !== undefined) await buildWeb(resolve(values.output));
  else await buildHere(values['if-changed']);
}

async function buildHere(ifChanged: boolean): Promise<void> {
  const hash = hashOfInputs();
  const isBuilt = existsSync(join(OUTPUT, 'index.html')) && existsSync(STAMP);
  if (ifChanged && isBuilt && readFileSync(STAMP, 'utf8') === hash) return;
  console.log('setup: building the dashboard');
  await buildWeb(OUTPUT);
  writeFileSync(STAMP, hash);
}
