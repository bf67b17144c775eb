// Tests the registry of cgroups: which record names an event, what is shared, replaced and forgotten.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  A,
  B,
  event,
  POD_PATH,
  record,
  SERVICE_PATH,
  setUp,
  UID,
  UNKNOWN,
} from './cgroup-registry.fixture.ts';

test('a cgroup that the kernel named gives its container and pod', () => {
  const { registry, asked } = setUp();
  registry.learn(record(5, POD_PATH));
  assert.deepEqual(registry.resolve(event(5)), {
    containerId: A,
    podUid: UID,
    runtime: null,
    qos: 'burstable',
    tags: [`k8s_pod:${UID}`, 'container:0a1b2c3d4e5f', 'cgroup:kubepods-burstable'],
    unit: null,
    cgroupPath: POD_PATH,
    provenance: 'kernel-cgroup',
  });
  assert.deepEqual(asked, []);
  assert.deepEqual(registry.counts(), {
    known: 1,
    fallbacks: 0,
    unknown: 0,
    evicted: 0,
    claimed: 0,
    truncated: 0,
  });
});

test('a cgroup that names no container says so and names its unit', () => {
  const { registry, asked } = setUp();
  registry.learn(record(5, SERVICE_PATH));
  assert.deepEqual(registry.resolve(event(5)), {
    ...UNKNOWN,
    unit: 'sshd.service',
    cgroupPath: SERVICE_PATH,
    provenance: 'not-a-container',
  });
  assert.deepEqual(asked, []);
});

test('all events of a cgroup share one frozen object', () => {
  const { registry } = setUp();
  registry.learn(record(5, POD_PATH));
  registry.learn(record(6, '/', 4));
  const identity = registry.resolve(event(5));
  assert.ok(Object.isFrozen(identity) && Object.isFrozen(identity.tags));
  assert.equal(registry.resolve(event(5, 0, { pid: 101 })), identity);
  assert.equal(registry.resolve(event(5, 6)), identity, 'another pair of the same cgroup');
  registry.learn(record(5, POD_PATH));
  assert.equal(registry.resolve(event(5)), identity, 'a record sent again changes nothing');
  assert.deepEqual(registry.counts(), {
    known: 2,
    fallbacks: 0,
    unknown: 0,
    evicted: 0,
    claimed: 0,
    truncated: 0,
  });
});

test('from the second event of a cgroup on an answer takes one Map lookup', (context) => {
  const { registry } = setUp();
  registry.learn(record(5, '/'));
  registry.learn(record(6, POD_PATH, 4));
  const events = [event(5), event(5, 6)];
  for (const one of events) registry.resolve(one);
  const get = Map.prototype.get;
  context.after(() => {
    Map.prototype.get = get;
  });
  let lookups = 0;
  Map.prototype.get = function (key) {
    lookups++;
    return get.call(this, key);
  };
  for (const one of events) registry.resolve(one);
  Map.prototype.get = get;
  assert.equal(lookups, events.length);
});

test('the same id in another hierarchy is another cgroup', () => {
  const { registry } = setUp();
  registry.learn(record(7, SERVICE_PATH));
  registry.learn(record(7, POD_PATH, 4));
  assert.equal(registry.resolve(event(7)).unit, 'sshd.service');
  assert.equal(registry.resolve(event(7, 7)).containerId, A);
  assert.equal(registry.resolve(event(7)).unit, 'sshd.service');
  assert.equal(registry.counts().known, 2);
});

test('pairs of ids do not collide, however large the ids are', () => {
  const ids = [1, 2, 3, 0x3ffffff, 0x4000000, 0x4000001, 0x7ffffff, 0x8000000, 2 ** 40, 2 ** 40 + 1];
  const { registry } = setUp();
  for (const id of ids) {
    registry.learn(record(id, `/v2-${id}`));
    registry.learn(record(id, `/lxc.payload.v1-${id}`, 4));
  }
  for (let round = 0; round < 2; round++) {
    for (const v2 of ids) {
      assert.equal(registry.resolve(event(v2)).cgroupPath, `/v2-${v2}`);
      for (const v1 of ids) assert.equal(registry.resolve(event(v2, v1)).containerId, `v1-${v1}`);
    }
  }
});

test('of two paths the one that says more wins, and between equals that of v2', () => {
  const cases: [v2: string, v1: string, used: string][] = [
    ['/', POD_PATH, POD_PATH],
    [SERVICE_PATH, POD_PATH, POD_PATH],
    [POD_PATH, '/', POD_PATH],
    [`/docker/${A}`, `/docker/${A}/docker/${B}`, `/docker/${A}/docker/${B}`],
    [`/docker/${A}/docker/${B}`, `/docker/${A}`, `/docker/${A}/docker/${B}`],
    [`/docker/${A}`, POD_PATH, POD_PATH],
    [`/kubepods/pod${UID}`, `/docker/${A}`, `/docker/${A}`],
    [`/kubepods/pod${UID}`, SERVICE_PATH, `/kubepods/pod${UID}`],
    ['/', SERVICE_PATH, SERVICE_PATH],
    [`/docker/${A}/x`, `/docker/${A}`, `/docker/${A}/x`],
    ['/', '/user', '/'],
  ];
  for (const [v2, v1, used] of cases) {
    const { registry } = setUp();
    registry.learn(record(1, v2));
    registry.learn(record(2, v1, 9));
    assert.equal(registry.resolve(event(1, 2)).cgroupPath, used, `${v2} ${v1}`);
  }
});

test('an id that comes with another path is another cgroup from then on', () => {
  const { registry } = setUp();
  registry.learn(record(5, POD_PATH));
  registry.learn(record(6, '/', 4));
  assert.equal(registry.resolve(event(5)).containerId, A);
  assert.equal(registry.resolve(event(5, 6)).containerId, A);
  registry.learn(record(5, `/docker/${B}`));
  assert.equal(registry.resolve(event(5)).containerId, B);
  assert.equal(registry.resolve(event(5, 6)).containerId, B);
  registry.learn(record(6, POD_PATH, 4));
  assert.equal(registry.resolve(event(5, 6)).containerId, A, 'the v1 side of the pair too');
  assert.equal(registry.counts().known, 2);
});

test('the names of a cut path are no more than a claim, until /proc has the whole path', () => {
  const rest = `/pod${UID}/${A}/deep`;
  const user = '/user.slice/user-1000.slice/session-3.scope/kubepods';
  const { registry, asked } = setUp({ 200: `0::${user}${rest}\n` });
  registry.learn(record(5, `/kubepods${rest}`, 0, { truncated: true }));
  const { containerId, podUid, tags, provenance, truncated, claim, cgroupPath } = registry.resolve(event(5));
  assert.deepEqual(
    { containerId, podUid, tags, provenance, truncated, cgroupPath },
    {
      containerId: null,
      podUid: null,
      tags: [],
      provenance: 'cgroup-unknown',
      truncated: true,
      cgroupPath: `/kubepods${rest}`,
    },
  );
  assert.deepEqual([claim?.podUid, claim?.containerId], [UID, A]);
  assert.deepEqual(registry.counts().truncated, 1);
  assert.deepEqual(asked, [100]);
  const later = registry.resolve(event(5, 0, { pid: 200, ktimeNs: 3_000_000_000n }));
  assert.deepEqual([later.podUid, later.unit, later.provenance], [null, 'session-3.scope', 'claimed']);
});

test('what is only claimed is counted and makes room for what is believed', () => {
  const { registry } = setUp();
  registry.learn(record(1, `/user.slice/user-1000.slice/session-3.scope${POD_PATH}`));
  registry.learn(record(2, `/somewhere/docker-${A}.scope`));
  registry.learn(record(3, POD_PATH, 4));
  registry.learn(record(4, SERVICE_PATH, 4));
  assert.equal(registry.counts().claimed, 2);
  registry.learn(record(1, `/user.slice/user-1000.slice/session-3.scope${POD_PATH}`));
  assert.equal(registry.counts().claimed, 2, 'a record sent again');
  assert.equal(registry.resolve(event(1)).provenance, 'claimed');
  assert.equal(registry.resolve(event(2)).containerId, A);
  for (const v2 of [1, 2]) {
    const { podUid, containerId, provenance } = registry.resolve(event(v2, 3));
    assert.deepEqual([podUid, containerId, provenance], [UID, A, 'kernel-cgroup']);
    assert.equal(registry.resolve(event(v2, 4)).provenance, 'claimed');
  }
});

test('a claim does not stand in for a record that is missing', () => {
  const { registry, asked } = setUp();
  registry.learn(record(1, `/somewhere/docker-${A}.scope`));
  assert.equal(registry.resolve(event(1, 99)).provenance, 'cgroup-unknown');
  assert.deepEqual(asked, [100]);
});

test('an agent in a node that is a container believes the names around it, and only those', () => {
  const { registry } = setUp();
  const node = `/docker/${B}`;
  registry.learn(record(1, `${node}/kubelet${POD_PATH}`));
  registry.learn(record(2, `${node}/kubelet${POD_PATH.replace('3d27', '4e27')}`));
  registry.learn(record(3, `/docker/${A}/kubelet${POD_PATH}`));
  registry.learn(record(4, `${node}${SERVICE_PATH}`));
  registry.learn(record(5, `${node}/kubelet${POD_PATH}${POD_PATH.replace('3d27', '5f27')}`));
  const own = registry.resolve(event(1));
  assert.deepEqual([own.podUid, own.containerId, own.claim?.podUid], [null, B, UID]);
  assert.equal(registry.trustAround(own), true);
  assert.equal(registry.trustAround(registry.resolve(event(1))), false, 'nothing new');
  const told = (id: number) => {
    const { podUid, containerId, provenance } = registry.resolve(event(id));
    return [podUid, containerId, provenance];
  };
  assert.deepEqual(told(1), [UID, A, 'kernel-cgroup']);
  assert.deepEqual(told(2), [UID.replace('3d27', '4e27'), A, 'kernel-cgroup']);
  assert.deepEqual(told(3), [null, A, 'kernel-cgroup'], 'another node');
  assert.deepEqual(told(4), [null, B, 'kernel-cgroup'], 'the node itself');
  assert.deepEqual(told(5), [UID, A, 'kernel-cgroup'], 'the outermost pod of the node');
  registry.learn(record(6, `${node}/kubelet${POD_PATH}`));
  assert.equal(registry.resolve(event(6)).podUid, UID);
});

test('what /proc says of the agent, or a cut path, makes no root', () => {
  const { registry } = setUp();
  registry.learn(record(1, `0::/docker/${B}${POD_PATH}\n`, 0, { source: 'procfs' }));
  registry.learn(record(2, `/docker/${B}${POD_PATH}`, 0, { truncated: true }));
  for (const id of [1, 2]) assert.equal(registry.trustAround(registry.resolve(event(id))), false);
});

test('names that are any bytes are read as bytes and shown as text', () => {
  const { registry } = setUp();
  registry.learn(record(1, '/machine.slice/machine-web\\x2d01.scope'));
  registry.learn(record(2, '/system.slice/fsck@dev-disk\\x2d1.service'));
  registry.learn(record(3, '/lxc.payload.caf\xc3\xa9\xff'));
  assert.deepEqual(
    [1, 2, 3].map((id) => {
      const { containerId, unit, cgroupPath } = registry.resolve(event(id));
      return [containerId, unit, cgroupPath];
    }),
    [
      ['web-01', null, '/machine.slice/machine-web\\x2d01.scope'],
      [null, 'fsck@dev-disk\\x2d1.service', '/system.slice/fsck@dev-disk\\x2d1.service'],
      ['café\\xff', null, '/lxc.payload.café\\xff'],
    ],
  );
});

test('a record of the procfs collector is the content of a whole file', () => {
  const { registry } = setUp();
  registry.learn(record(3, `2:cpu:/\n1:name=systemd:${POD_PATH}\n0::/\n`, 0, { source: 'procfs' }));
  registry.learn(record(4, `0::${SERVICE_PATH}\n`, 0, { source: 'procfs' }));
  registry.learn(record(5, '', 0, { source: 'procfs' }));
  const pod = registry.resolve(event(3, 0, { source: 'procfs' }));
  assert.deepEqual([pod.containerId, pod.cgroupPath, pod.provenance], [A, POD_PATH, 'procfs']);
  const service = registry.resolve(event(4, 0, { source: 'procfs' }));
  assert.deepEqual(
    [service.unit, service.cgroupPath, service.provenance],
    ['sshd.service', SERVICE_PATH, 'not-a-container'],
  );
  assert.deepEqual(registry.resolve(event(5)), UNKNOWN, 'an empty file is no answer');
  assert.equal(registry.counts().known, 2);
});

test('the cgroup unused for longest makes room, in whichever hierarchy it is', () => {
  const { registry } = setUp({}, { maxEntries: 3 });
  registry.learn(record(1, '/one'));
  registry.learn(record(2, '/two', 4));
  registry.learn(record(3, '/three'));
  registry.resolve(event(1));
  registry.learn(record(4, '/four'));
  assert.deepEqual(registry.counts(), {
    known: 3,
    fallbacks: 0,
    unknown: 0,
    evicted: 1,
    claimed: 0,
    truncated: 0,
  });
  assert.equal(registry.resolve(event(1)).cgroupPath, '/one');
  assert.equal(registry.resolve(event(3)).cgroupPath, '/three');
  assert.equal(registry.resolve(event(4)).cgroupPath, '/four');
  assert.deepEqual(registry.resolve(event(1, 2)), UNKNOWN);
  // A forgotten cgroup comes back with its next record.
  registry.learn(record(2, `/docker/${A}`, 4));
  assert.equal(registry.resolve(event(1, 2)).containerId, A);
  assert.deepEqual(registry.counts(), {
    known: 3,
    fallbacks: 1,
    unknown: 1,
    evicted: 2,
    claimed: 0,
    truncated: 0,
  });
});

test('a cgroup that was removed keeps its name for late exits, and makes room first', () => {
  const { registry } = setUp({}, { maxEntries: 2 });
  registry.learn(record(1, '/one'));
  registry.learn(record(2, POD_PATH));
  assert.equal(registry.learn(record(2, '', 0, { removed: true })), null);
  assert.equal(registry.resolve({ ...event(2) }).containerId, A);
  registry.learn(record(2, '', 0, { removed: true }));
  registry.learn(record(3, '/three'));
  assert.equal(registry.resolve(event(1)).cgroupPath, '/one');
  assert.deepEqual(registry.resolve(event(2)), UNKNOWN);
  registry.learn(record(9, '', 0, { removed: true }));
  assert.equal(registry.counts().known, 2, 'the end of an unknown cgroup is no cgroup');
});

test('an event is a use of both of its cgroups, the first since a cgroup came or went', () => {
  const { registry } = setUp({}, { maxEntries: 3 });
  registry.learn(record(1, '/'));
  registry.learn(record(2, `/docker/${A}`, 4));
  registry.learn(record(3, `/docker/${B}`, 4));
  for (const v1 of [2, 3]) registry.resolve(event(1, v1));
  registry.learn(record(9, '', 4, { removed: true }));
  registry.learn(record(3, '', 4, { removed: true }));
  for (const v1 of [3, 2]) registry.resolve(event(1, v1));
  registry.learn(record(4, '/four'));
  assert.equal(registry.resolve(event(1, 2)).containerId, A);
  assert.deepEqual(registry.resolve(event(1, 3)), UNKNOWN);
});

test('an answer does not outlive the cgroups that it rests on', () => {
  const { registry } = setUp({}, { maxEntries: 2 });
  registry.learn(record(1, '/one'));
  registry.learn(record(2, POD_PATH, 4));
  assert.equal(registry.resolve(event(1, 2)).containerId, A);
  registry.learn(record(3, '/three'));
  registry.learn(record(4, '/four'));
  assert.deepEqual(registry.resolve(event(1, 2)), UNKNOWN);
  assert.equal(registry.counts().evicted, 2);
});

test('pairs and guesses are bounded as well', () => {
  const { registry } = setUp({}, { maxEntries: 40 });
  for (let id = 1; id <= 20; id++) {
    registry.learn(record(id, `/lxc.payload.a${id}`));
    registry.learn(record(id, `/lxc.payload.b${id}`, 4));
  }
  for (let round = 0; round < 2; round++) {
    for (let v2 = 1; v2 <= 20; v2++) {
      for (let v1 = 1; v1 <= 20; v1++) assert.equal(registry.resolve(event(v2, v1)).containerId, `a${v2}`);
    }
  }
  // No more in a second than may be read.
  const guessed = (id: number) => event(id, 0, { ktimeNs: BigInt(id) * 5_000_000n });
  for (let id = 1000; id < 4000; id++) registry.resolve(guessed(id));
  assert.equal(registry.counts().fallbacks, 3000);
  assert.equal(registry.resolve(guessed(1000)).provenance, 'cgroup-unknown');
  assert.equal(registry.counts().fallbacks, 3001, 'the oldest guess was dropped');
  registry.resolve(guessed(3999));
  assert.equal(registry.counts().fallbacks, 3001, 'the newest was not');
});

test('under any sequence it remembers exactly the most recently used cgroups, by first uses since one came or went', () => {
  const id = fc.integer({ min: 1, max: 3 });
  const step = fc.oneof(
    fc.record({ learn: id, v1: fc.boolean(), name: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ remove: id, v1: fc.boolean() }),
    fc.record({ resolve: id, v1: fc.integer({ min: 0, max: 2 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, maxEntries) => {
      const { registry } = setUp({}, { maxEntries });
      // Key to path, least recently used first.
      let model = new Map<string, string>();
      let evicted = 0;
      /** Pairs that were used since a cgroup came or went. */
      const used = new Set<string>();
      const forgetPairsOf = (key: string) => {
        for (const pair of [...used]) if (pair.split(' ').includes(key)) used.delete(pair);
      };
      const use = (key: string, path = model.get(key)): string | undefined => {
        if (path === undefined) return undefined;
        model.delete(key);
        model.set(key, path);
        return path;
      };
      for (const s of steps) {
        if ('remove' in s) {
          registry.learn(record(s.remove, '', s.v1 ? 4 : 0, { removed: true }));
          const key = `${s.v1 ? 'v1' : 'v2'}/${s.remove}`;
          const path = model.get(key);
          if (path === undefined) continue;
          model = new Map([[key, path], ...model]);
          used.clear();
          continue;
        }
        if ('learn' in s) {
          const path = s.v1 ? `/lxc.payload.c${s.name}` : `/host${s.name}`;
          registry.learn(record(s.learn, path, s.v1 ? 4 : 0));
          const key = `${s.v1 ? 'v1' : 'v2'}/${s.learn}`;
          if (!model.has(key)) used.clear();
          else if (model.get(key) !== path) forgetPairsOf(key);
          use(key, path);
          if (model.size > maxEntries) {
            model.delete(model.keys().next().value!);
            evicted++;
          }
          continue;
        }
        const keys = [`v2/${s.resolve}`, ...(s.v1 === 0 ? [] : [`v1/${s.v1}`])];
        if (!used.has(keys.join(' '))) for (const key of keys) use(key);
        if (keys.every((key) => model.has(key))) used.add(keys.join(' '));
        const v2 = model.get(keys[0]!);
        const v1 = s.v1 === 0 ? v2 : model.get(keys[1]!);
        const expected =
          s.v1 !== 0 && v1 !== undefined ? v1 : v2 !== undefined && v1 !== undefined ? v2 : null;
        assert.equal(registry.resolve(event(s.resolve, s.v1)).cgroupPath, expected);
      }
      const { known, evicted: counted } = registry.counts();
      assert.deepEqual({ known, counted }, { known: model.size, counted: evicted });
    }),
    { numRuns: 2_000 },
  );
});
