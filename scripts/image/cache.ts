// Where packages that were fetched for the image are kept; `make clean` removes them.
import { join } from 'node:path';

export const CACHE = join(import.meta.dirname, '../../build/image-cache');
