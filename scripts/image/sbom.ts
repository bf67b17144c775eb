// The bill of materials of an image as CycloneDX JSON, from what was put into it.
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { PackageURL } from 'packageurl-js';
// @ts-expect-error: it brings no types.
import parseSpdx from 'spdx-expression-parse';
import type { Arch, DebianPackage } from './debian.ts';
import { NPM_ARCH, type NpmPackage } from './npm.ts';

/** Debian's copyright files have no SPDX expression for the whole; these are theirs for the libraries that are shipped. */
const DEBIAN_LICENSES: Record<string, string> = {
  libatomic1: 'GPL-3.0-or-later WITH GCC-exception-3.1',
  'libgcc-s1': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  'libstdc++6': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  libc6: 'LGPL-2.1-or-later',
  libseccomp2: 'LGPL-2.1-only',
  libbpf1: 'LGPL-2.1-only OR BSD-2-Clause',
  libelf1: 'LGPL-3.0-or-later OR GPL-2.0-or-later',
  zlib1g: 'Zlib',
};

export interface Contents {
  readonly name: string;
  readonly version: string;
  readonly arch: Arch;
  /** Seconds since 1970, of the sources and not of the build. */
  readonly epoch: number;
  readonly npm: readonly NpmPackage[];
  readonly debian: readonly DebianPackage[];
}

/** The same contents give the same text: sorted, no serial number, the time of the sources. */
export function sbomText({ name, version, arch, epoch, npm, debian }: Contents): string {
  const licenses = new Contrib.License.Factories.LicenseFactory(parseSpdx);
  const license = (text: string) => new Models.LicenseRepository([licenses.makeFromString(text)]);
  const own = new Models.Component(Enums.ComponentType.Container, name, {
    version,
    bomRef: 'cognitod',
    licenses: license('Apache-2.0'),
  });
  const components = [
    ...npm.map((one) => {
      const [scope, base] = one.name.startsWith('@') ? one.name.split('/') : [undefined, one.name];
      const purl = new PackageURL('npm', scope, base!, one.version, undefined, undefined).toString();
      const isNode = one.name === `node-linux-${NPM_ARCH[arch]}`;
      return new Models.Component(
        isNode ? Enums.ComponentType.Application : Enums.ComponentType.Library,
        base!,
        {
          ...(scope === undefined ? {} : { group: scope }),
          version: one.version,
          bomRef: purl,
          purl,
          licenses: license(one.license),
          hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-512'], sha512Hex(one.integrity)]]),
          // The package only wraps Node's own binary: scanners know it by this name.
          ...(isNode ? { cpe: `cpe:2.3:a:nodejs:node.js:${one.version}:*:*:*:*:*:*:*` } : {}),
        },
      );
    }),
    ...debian.map((one) => {
      const qualifiers = { arch, distro: 'debian-12' };
      const purl = new PackageURL('deb', 'debian', one.name, one.version, qualifiers, undefined).toString();
      return new Models.Component(Enums.ComponentType.Library, one.name, {
        version: one.version,
        bomRef: purl,
        purl,
        licenses: license(DEBIAN_LICENSES[one.name] ?? 'NOASSERTION'),
        hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], one.sha256]]),
      });
    }),
  ];
  for (const component of components) own.dependencies.add(component.bomRef);
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: own, timestamp: new Date(epoch * 1000) }),
    components: new Models.ComponentRepository(components),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** From a lock file's `sha512-<base64>`. */
function sha512Hex(integrity: string): string {
  const [algorithm, digest] = integrity.split('-', 2);
  if (algorithm !== 'sha512' || digest === undefined) throw new Error(`not a sha512 integrity: ${integrity}`);
  return Buffer.from(digest, 'base64').toString('hex');
}
