// Becomes `runc run` with a command line: run-contained.ts BUNDLE COMMAND…
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [bundle, ...args] = process.argv.slice(2);
const file = join(bundle!, 'config.json');
const config = JSON.parse(readFileSync(file, 'utf8'));
config.process.args = args;
config.process.env = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
writeFileSync(file, JSON.stringify(config));
// The same process, so that a signal to its child reaches the container.
process.execve!(
  '/usr/sbin/runc',
  ['runc', '--root', join(bundle!, 'runc'), 'run', '--bundle', bundle!, basename(bundle!)],
  process.env as Record<string, string>,
);
