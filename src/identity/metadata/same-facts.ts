// Whether a source says the same as before: most of what it tells again has not changed.
import type { ContainerFacts, PodFacts } from './facts.ts';

export const isSamePod = (a: PodFacts, b: PodFacts): boolean =>
  a.uid === b.uid &&
  a.name === b.name &&
  a.namespace === b.namespace &&
  a.node === b.node &&
  a.serviceAccount === b.serviceAccount &&
  a.workload?.kind === b.workload?.kind &&
  a.workload?.name === b.workload?.name &&
  isSameMap(a.labels, b.labels) &&
  isSameMap(a.annotations, b.annotations) &&
  isSameDeclaration(a.declared, b.declared);

export const isSameContainer = (a: ContainerFacts, b: ContainerFacts): boolean =>
  a.id === b.id &&
  a.podUid === b.podUid &&
  a.name === b.name &&
  a.kind === b.kind &&
  a.image === b.image &&
  a.imageId === b.imageId &&
  a.startedAt === b.startedAt &&
  a.restartCount === b.restartCount;

type Declared = PodFacts['declared'];

const isSameDeclaration = (a: Declared, b: Declared): boolean =>
  a === b ||
  (a?.length === b?.length &&
    a?.every(({ name, kind, image }, index) => {
      const other = b![index]!;
      return name === other.name && kind === other.kind && image === other.image;
    }) === true);

type Entries = Readonly<Record<string, string>>;

/** In any order. */
function isSameMap(a: Entries, b: Entries): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}
