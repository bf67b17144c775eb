// Preloaded by every Node in a guest: sources come without their types, which the host has stripped. Stripping is a WASM
// program; under emulation it takes most of the time of a start, and V8 crashes in it now and then.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const ROOT = '/opt/cognitod/';
const STRIPPED = `${ROOT}.stripped/`;

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
    const path = fileURLToPath(url.split('?')[0]);
    const stripped = path.startsWith(ROOT) ? STRIPPED + path.slice(ROOT.length) : '';
    if (!existsSync(stripped)) return nextLoad(url, context);
    return { format: 'module', source: readFileSync(stripped), shortCircuit: true };
  },
});
