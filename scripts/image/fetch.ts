// Fetches Debian's packages of the image for later, when there may be no network: fetch.ts amd64|arm64
import { CACHE } from './cache.ts';
import { type Arch, fetchDebianPackages } from './debian.ts';

const arch = process.argv[2] as Arch;
try {
  fetchDebianPackages(arch, CACHE);
} catch (locked) {
  console.error((locked as Error).message);
  try {
    // For the tests, which then say something of these.
    fetchDebianPackages(arch, CACHE, true);
  } catch {
    process.exitCode = 1;
  }
}
