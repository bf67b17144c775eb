// The search for names of new containers: what is looked at, how often, and until when.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Tasks } from '../../lib/tasks.ts';
import type { Identity } from '../identity.ts';
import { identityOf } from '../metadata/metadata.fixture.ts';
import { NameSearch } from './name-search.ts';

const POD = 'u1';
const mountsOf = (name: string) => `1 1 0:1 /k/pods/${POD}/containers/${name}/0a /dev/termination-log rw\n`;

function stage() {
  mock.timers.enable({ apis: ['setTimeout'] });
  const clock = { ms: 0 };
  const mounts = new Map<number, string>();
  const told = new Map<string, string | null>();
  const named = new Set<string>();
  const reads: number[] = [];
  const search = new NameSearch({
    names: {
      isNamed: (id) => named.has(id) || told.has(id),
      infer: (podUid, id, name) => {
        assert.equal(podUid, POD);
        assert.ok(!told.has(id), 'told twice');
        told.set(id, name);
      },
    },
    readMounts: (pid) => {
      reads.push(pid);
      return mounts.get(pid) ?? null;
    },
    nowMs: () => clock.ms,
    tasks: new Tasks(),
  });
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.ms += 10;
      mock.timers.tick(10);
    }
  };
  return { search, mounts, told, named, reads, pass };
}

test.afterEach(() => mock.timers.reset());

test('a container is named as soon as the mounts of one of its processes tell', () => {
  const { search, mounts, told, reads, pass } = stage();
  const identity = identityOf(POD, 'c1');
  search.note(7, identity);
  search.expect(identity);
  assert.equal(search.isLookingFor(identity), true);
  assert.equal(search.isLookingFor(identityOf(POD, 'c2')), false);
  pass(50);
  // Nobody is in it yet, and who was before it was looked for is not known.
  assert.deepEqual(reads, []);
  search.note(8, identity);
  search.note(8, identity);
  pass(30);
  assert.deepEqual(reads, [8, 8, 8]);
  mounts.set(8, mountsOf('api'));
  pass(10);
  assert.deepEqual([...told], [['c1', 'api']]);
  assert.equal(search.isLookingFor(identity), false);
  search.note(8, identity);
  pass(100);
  assert.equal(reads.length, 4, 'the search is over');
});

test('a first process that has ended is not the only one that is asked', () => {
  const { search, mounts, told, pass } = stage();
  const identity = identityOf(POD, 'c1');
  search.expect(identity);
  for (const pid of [8, 9, 10, 11, 12, 13]) search.note(pid, identity);
  mounts.set(8, mountsOf('forgotten')).set(11, mountsOf('api'));
  pass(10);
  assert.deepEqual([...told], [['c1', 'api']]);
});

test('nobody is looked for who is named, claimed, or in no pod', () => {
  const { search, named, reads, pass } = stage();
  named.add('c1');
  const identities: Identity[] = [
    identityOf(POD, 'c1'),
    identityOf(POD, null),
    identityOf(null, 'c2'),
    { ...identityOf(POD, 'c3'), provenance: 'claimed' },
  ];
  for (const identity of identities) {
    search.expect(identity);
    search.note(8, identity);
  }
  pass(100);
  assert.deepEqual(reads, []);
});

test('who is named meanwhile is looked for no more', () => {
  const { search, named, reads, told, pass } = stage();
  const identity = identityOf(POD, 'c1');
  search.expect(identity);
  search.note(8, identity);
  pass(20);
  named.add('c1');
  pass(100);
  assert.deepEqual([reads.length, told.size], [2, 0]);
});

test('the search ends after two seconds, and with the agent', () => {
  const { search, reads, pass } = stage();
  const identity = identityOf(POD, 'c1');
  search.expect(identity);
  search.note(8, identity);
  pass(5000);
  assert.equal(reads.length, 200);
  search.expect(identity);
  search.note(8, identity);
  pass(20);
  search.close();
  pass(100);
  assert.equal(reads.length, 202);
});

test('however many containers are new, a turn reads few files and every one has its turn', () => {
  const { search, mounts, told, reads, pass } = stage();
  const identities = Array.from({ length: 400 }, (_, index) => identityOf(POD, `c${index}`));
  identities.forEach((identity, index) => {
    search.expect(identity);
    search.note(index + 1, identity);
  });
  pass(10);
  assert.equal(reads.length, 8);
  pass(310);
  assert.equal(reads.length, 256);
  assert.equal(new Set(reads).size, 256);
  for (let pid = 1; pid <= 256; pid++) mounts.set(pid, mountsOf('api'));
  pass(320);
  assert.equal(told.size, 256);
  // There is room again.
  search.expect(identities[300]!);
  search.note(301, identities[300]!);
  mounts.set(301, mountsOf('db'));
  pass(10);
  assert.equal(told.get('c300'), 'db');
});
