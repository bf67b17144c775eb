// Fetches and builds what a guest needs, so that nothing has to be fetched later: prepare.ts GUEST...
import { isGuest } from './availability.ts';
import { GUESTS, kernelOf } from './guests.ts';
import { kernelFiles } from './kernel.ts';
import { packagesImage, rootImage } from './root.ts';

if (!isGuest()) {
  for (const name of process.argv.slice(2)) {
    const guest = GUESTS.find((one) => one.name === name);
    if (guest === undefined) throw new Error(`there is no guest ${name}`);
    const kernel = kernelOf(guest);
    const { version } = kernelFiles(kernel);
    rootImage('bookworm', kernel.arch);
    packagesImage(kernel.arch);
    console.log(`guest ${name}: Linux ${version}`);
  }
}
