// Forged and odd cgroup names through all of it: real cgroups with real processes in them, the kernel programs, the decoder,
// the registry. What must be told is in src/identity/testdata/redteam*.jsonl. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { readableText } from '../src/decode/index.ts';
import { CgroupRegistry, createProcReader, type Identity } from '../src/identity/index.ts';
import { findHierarchy } from './support/cgroups.ts';
import { cannotUseBpf, type Observation, observe } from './support/observe.ts';

const skip = cannotUseBpf();

interface Sample {
  readonly place: string;
  readonly forges: string | null;
  /** Raw text: one character for each byte. */
  readonly path: string;
  readonly pod_uid: string | null;
  readonly container_id: string | null;
  readonly unit: string | null;
}

const samples: Sample[] = ['redteam', 'redteam-heldout'].flatMap((name) =>
  readFileSync(new URL(`../src/identity/testdata/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)),
);

/** As many names as the kernel program reads (CGROUP_DEPTH of bpf/cgroup-path.h). */
const MAX_LEVELS = 32;

const bytesOf = (raw: string) => Buffer.from(raw, 'latin1');

/** Makes a path of any bytes below a hierarchy's root. Returns what removes the directories that were not there. */
function makeDirectories(root: string, path: string): () => void {
  const made: Buffer[] = [];
  const remove = () => {
    // Whoever else has made a cgroup in one of them meanwhile keeps it.
    for (const directory of made.reverse()) rmdirSync(directory);
  };
  let parent = root;
  try {
    for (const name of path.split('/').filter((part) => part !== '')) {
      parent += `/${name}`;
      try {
        mkdirSync(bytesOf(parent));
        made.push(bytesOf(parent));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}

interface Worker {
  readonly pid: number;
  /** Has it fork a process that runs another program and ends. */
  work(): Promise<void>;
}

async function startWorker(t: TestContext): Promise<Worker> {
  const child = spawn('sh', ['-c', 'while read line; do /bin/true; echo done; done'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  await once(child, 'spawn');
  const lines = createInterface(child.stdout!);
  return {
    pid: child.pid!,
    async work() {
      const done = once(lines, 'line');
      child.stdin!.write('go\n');
      await done;
    },
  };
}

/** What two registries say of all processes that were in a cgroup: one may read /proc, one may not. */
interface Told {
  readonly withProc: Identity[];
  readonly alone: Identity[];
}

class Watch {
  readonly #seen: Observation;
  readonly #alone = new CgroupRegistry({ readProcCgroup: () => null });
  readonly #withProc = new CgroupRegistry({ readProcCgroup: createProcReader('/proc', 'cgroup') });
  #read = 0;

  constructor(seen: Observation) {
    this.#seen = seen;
  }

  get counts() {
    return this.#alone.counts();
  }

  /** Of the events since the last call. */
  told(isThere: (event: { cgroupId: number; cgroupV1Id: number }) => boolean): Told {
    this.#seen.collector.drain();
    const told: { withProc: Identity[]; alone: Identity[] } = { withProc: [], alone: [] };
    for (const record of this.#seen.records.slice(this.#read)) {
      if (record.type === 'cgroup') {
        this.#alone.learn(record);
        this.#withProc.learn(record);
      } else if (isThere(record)) {
        told.alone.push(this.#alone.resolve(record));
        told.withProc.push(this.#withProc.resolve(record));
      }
    }
    this.#read = this.#seen.records.length;
    return told;
  }
}

function check(sample: Sample, identity: Identity): void {
  const what = `${sample.forges} in ${sample.place}: ${sample.path}`;
  const { pod_uid, container_id, unit } = sample;
  // A container that is claimed is marked; then the place is what is sure.
  const told = identity.provenance === 'claimed' ? null : identity.containerId;
  assert.deepEqual(
    { pod_uid: identity.podUid, container_id: told, unit: identity.unit },
    { pod_uid, container_id, unit },
    what,
  );
  // Where v1 says nothing the path is that of v2.
  if (identity.cgroupPath !== '/') assert.equal(identity.cgroupPath, readableText(sample.path), what);
  assert.equal(identity.truncated, undefined, what);
}

function checkCut({ path }: Sample, identity: Identity): void {
  assert.deepEqual(
    [identity.podUid, identity.containerId, identity.unit, identity.tags],
    [null, null, null, []],
    path,
  );
  assert.deepEqual([identity.provenance, identity.truncated], ['cgroup-unknown', true], path);
  const rest = path.split('/').slice(-MAX_LEVELS).join('/');
  assert.equal(identity.cgroupPath, `/${readableText(rest)}`);
}

for (const hooks of ['tp_btf', 'raw_tp'] as const) {
  for (const kind of ['v2', 'memory'] as const) {
    const root = findHierarchy(kind);
    const why = skip || (root === undefined ? `this machine has no ${kind} hierarchy` : false);
    // All of them once; with the other hooks and hierarchy some of each kind.
    const some = samples.filter(
      ({ forges }, index) => (hooks === 'tp_btf' && kind === 'v2') || forges === null || index % 7 === 0,
    );

    test(`every process in a ${kind} cgroup with such a name is told as what it is, with ${hooks}`, {
      skip: why,
    }, async (t) => {
      const seen = await observe({ hooks });
      t.after(() => seen.close());
      const watch = new Watch(seen);
      watch.told(() => false);
      const worker = await startWorker(t);
      let cut = 0;
      for (const sample of some) {
        const remove = makeDirectories(root!, sample.path);
        try {
          const id = statSync(bytesOf(root! + sample.path)).ino;
          writeFileSync(bytesOf(`${root}${sample.path}/cgroup.procs`), String(worker.pid));
          await worker.work();
          const { alone, withProc } = watch.told(
            (event) => (kind === 'v2' ? event.cgroupId : event.cgroupV1Id) === id,
          );
          // The move, and a fork, an exec and an exit.
          assert.ok(alone.length >= 4, `${alone.length} events in ${sample.path}`);
          if (sample.path.split('/').length - 1 <= MAX_LEVELS) {
            for (const identity of [...alone, ...withProc]) check(sample, identity);
          } else {
            cut++;
            for (const identity of alone) checkCut(sample, identity);
            // The process that lives, which is told first, is found in /proc with its whole path.
            if (kind === 'v2') check(sample, withProc[0]!);
          }
        } finally {
          writeFileSync(`${root}/cgroup.procs`, String(worker.pid));
          remove();
        }
      }
      assert.deepEqual(seen.errors, []);
      assert.ok(cut > 0 && watch.counts.truncated >= cut && watch.counts.claimed > cut);
    });
  }
}

const memory = findHierarchy('memory');
test('a cgroup that its owner renames stays what it is', {
  skip: skip || (memory === undefined ? 'only v1 cgroups can be renamed' : false),
}, async (t) => {
  const seen = await observe();
  t.after(() => seen.close());
  const watch = new Watch(seen);
  watch.told(() => false);
  const worker = await startWorker(t);
  const place = `/user.slice/cognitod-test-${process.pid}.scope`;
  const forged = `kubepods-pod${'9'.repeat(8)}_bbbb_4bbb_8bbb_${'9'.repeat(12)}.slice:cri-containerd:${'f9'.repeat(32)}`;
  const remove = makeDirectories(memory!, `${place}`);
  const removeInner = makeDirectories(memory!, `${place}/ordinary`);
  const inner = () => statSync(`${memory}${place}/${name}`).ino;
  let name = 'ordinary';
  try {
    const id = inner();
    for (const next of ['ordinary', forged, 'x.mount']) {
      if (next !== name) renameSync(`${memory}${place}/${name}`, `${memory}${place}/${next}`);
      name = next;
      assert.equal(inner(), id);
      writeFileSync(`${memory}${place}/${name}/cgroup.procs`, String(worker.pid));
      await worker.work();
      const { alone, withProc } = watch.told(({ cgroupV1Id }) => cgroupV1Id === id);
      assert.ok(alone.length >= 3);
      for (const { podUid, containerId, unit } of [...alone, ...withProc])
        assert.deepEqual(
          [podUid, containerId, unit],
          [null, null, `cognitod-test-${process.pid}.scope`],
          next,
        );
      writeFileSync(`${memory}/cgroup.procs`, String(worker.pid));
    }
    // One that comes under the forged name is named by it, and it is no more than a claim.
    const again = makeDirectories(memory!, `${place}/${forged}`);
    try {
      const newId = statSync(`${memory}${place}/${forged}`).ino;
      writeFileSync(`${memory}${place}/${forged}/cgroup.procs`, String(worker.pid));
      const { alone } = watch.told(({ cgroupV1Id }) => cgroupV1Id === newId);
      assert.deepEqual(
        alone.map(({ podUid, provenance, claim }) => [podUid, provenance, claim?.podUid]),
        [[null, 'claimed', '99999999-bbbb-4bbb-8bbb-999999999999']],
      );
    } finally {
      writeFileSync(`${memory}/cgroup.procs`, String(worker.pid));
      again();
    }
  } finally {
    writeFileSync(`${memory}/cgroup.procs`, String(worker.pid));
    if (name !== 'ordinary') renameSync(`${memory}${place}/${name}`, `${memory}${place}/ordinary`);
    removeInner();
    remove();
  }
});
