// The build of the dashboard: the same bytes in another place, nothing from elsewhere, no larger than it may be.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = ['package.json', 'tsconfig.json', 'package-lock.json', 'web', 'src', 'scripts'];
const MAX_COMPRESSED_BYTES = 300_000;

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'cognitod-web-build-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function build(root: string, output: string): Map<string, Buffer> {
  const script = join(root, 'scripts/build-web.ts');
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', script, '--output', output]);
  const names = readdirSync(output, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => statSync(join(output, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(output, name))]));
}

test('a clone in another place builds the same bytes, small, and with its licences', () => {
  const clone = join(folder, 'a place of another depth/clone');
  for (const name of SOURCES) cpSync(join(ROOT, name), join(clone, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  const here = build(ROOT, join(folder, 'here'));
  const there = build(clone, join(folder, 'there'));
  assert.deepEqual([...there.keys()], [...here.keys()]);
  for (const [name, content] of here) assert.ok(content.equals(there.get(name)!), name);

  const texts = [...here].filter(([name]) => /\.(html|js|css|svg)$/.test(name));
  const sent = texts.reduce((sum, [name, content]) => sum + (here.get(`${name}.gz`) ?? content).length, 0);
  assert.ok(sent <= MAX_COMPRESSED_BYTES, `${sent} bytes with gzip`);
  for (const [name, content] of texts) {
    assert.ok(
      !content.includes(ROOT) && !content.includes('node_modules'),
      `${name} tells where it was built`,
    );
    if (content.length > 512)
      for (const suffix of ['.gz', '.br']) assert.ok(here.has(name + suffix), name + suffix);
  }
  const page = here.get('index.html')!.toString();
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]* src=)|https?:/);
  const licenses = here.get('assets/licenses.txt')!.toString();
  for (const name of ['preact', '@preact/signals', 'uplot', 'eventsource-parser'])
    assert.match(licenses, new RegExp(`npm ${name} \\d`));
  assert.ok(![...here.values()].some((content) => content.includes('zod')), 'types of the contract alone');
});
