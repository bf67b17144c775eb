// Reads what an OCI archive holds: manifest, configuration, the headers of its layer.
import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';

export interface Archive {
  readonly digest: string;
  readonly layers: readonly { digest: string; size: number }[];
  readonly config: {
    readonly architecture: string;
    readonly os: string;
    readonly created: string;
    readonly config: {
      readonly User: string;
      readonly Env: string[];
      readonly Entrypoint: string[];
      readonly Cmd: string[];
      readonly StopSignal: string;
      readonly Labels: Record<string, string>;
    };
    readonly rootfs: { readonly diff_ids: string[] };
  };
}

/** Throws when it is no OCI archive with exactly one image. */
export function readArchive(archive: string): Archive {
  const member = (path: string) =>
    execFileSync('tar', ['-xOf', archive, path], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const { manifests } = JSON.parse(member('index.json')) as { manifests: { digest: string }[] };
  if (manifests.length !== 1) throw new Error(`${archive} has ${manifests.length} images`);
  const { digest } = manifests[0]!;
  const manifest = JSON.parse(member(blobPath(digest)));
  return { digest, layers: manifest.layers, config: JSON.parse(member(blobPath(manifest.config.digest))) };
}

/** Where the archive has what a digest names. */
export const blobPath = (digest: string) => `blobs/${digest.replace(':', '/')}`;

export interface LayerEntry {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'link';
  readonly mode: number;
  /** The xattr security.capability, hex; null without. */
  readonly capability: string | null;
}

const BLOCK = 512;
const TYPES: Record<string, LayerEntry['type']> = { '0': 'file', '5': 'directory', '2': 'link' };

/**
 * The headers of the archive's only layer: POSIX tar with pax records, in which extended attributes are called
 * `SCHILY.xattr.<name>`. tar(1) does not print the values of these.
 */
export function listLayer(archive: string): LayerEntry[] {
  const { layers } = readArchive(archive);
  if (layers.length !== 1) throw new Error(`${archive} has ${layers.length} layers`);
  const blob = execFileSync('tar', ['-xOf', archive, blobPath(layers[0]!.digest)], { maxBuffer: 2 ** 30 });
  const tar = gunzipSync(blob);
  const entries: LayerEntry[] = [];
  let pax = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const text = (from: number, length: number) =>
      tar
        .toString('latin1', at + from, at + from + length)
        .split('\0')[0]!
        .trim();
    const size = Number.parseInt(text(124, 12), 8);
    const kind = text(156, 1);
    const data = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (kind === 'x') {
      pax = readPax(data);
    } else {
      const prefix = text(345, 155);
      const name = `${prefix === '' ? '' : `${prefix}/`}${text(0, 100)}`;
      entries.push({
        path: (pax.get('path')?.toString() ?? name).replace(/\/$/, ''),
        type: TYPES[kind] ?? 'link',
        mode: Number.parseInt(text(100, 8), 8),
        capability: pax.get('SCHILY.xattr.security.capability')?.toString('hex') ?? null,
      });
      pax = new Map();
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}

/** Records of the form `<length> <key>=<value>\n`; values may be binary. */
function readPax(data: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(' ', at);
    const end = at + Number(data.toString('latin1', at, space));
    const equals = data.indexOf('=', space);
    records.set(data.toString('utf8', space + 1, equals), data.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}
