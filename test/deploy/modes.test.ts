// What each mode asks of the cluster: exactly these privileges, and no more.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { cannotRunHelm } from '../../scripts/helm.ts';
import { FILE_CAPABILITIES } from '../../scripts/image/file-capabilities.ts';
import { CLUSTERS, find, type Manifest, podTemplate, render, renderSet, SETS } from './rendered.ts';

const skip = cannotRunHelm();
const SIDECAR = SETS.filter((set) => set.startsWith('c-'));
const AGENT = SETS.filter((set) => !SIDECAR.includes(set));

function containerOf(manifests: readonly Manifest[]): Manifest['spec'] {
  const { containers, initContainers } = podTemplate(manifests).spec;
  assert.equal(containers.length, 1);
  assert.equal(initContainers, undefined);
  return containers[0];
}

const ADDED: Readonly<Record<string, readonly string[]>> = {
  'a-named': ['BPF', 'PERFMON', 'SETPCAP'],
  'a-everything': ['BPF', 'PERFMON', 'SETPCAP', 'SYS_PTRACE'],
  'a-old-kernel': ['BPF', 'PERFMON', 'SETPCAP', 'SYS_RESOURCE', 'SYS_ADMIN'],
  'b-nonroot': ['BPF', 'PERFMON'],
  'b-own-pids': ['BPF', 'PERFMON'],
  'b-root': ['BPF', 'PERFMON'],
  'b-root-ptrace': ['BPF', 'PERFMON', 'SETPCAP', 'SYS_PTRACE'],
  'b-strict': ['BPF', 'PERFMON'],
  everywhere: ['BPF', 'PERFMON'],
};

test('capabilities are exactly those that the mode names', { skip }, () => {
  for (const [set, add] of Object.entries(ADDED)) {
    for (const cluster of CLUSTERS) {
      const { securityContext } = containerOf(renderSet(set, cluster));
      assert.deepEqual(securityContext.capabilities, { drop: ['ALL'], add }, set);
    }
  }
  assert.deepEqual([...Object.keys(ADDED), 'a-privileged'].sort(), AGENT);
});

test('only a.privileged gives a privileged container', { skip }, () => {
  for (const set of SETS) {
    const { securityContext } = containerOf(renderSet(set));
    assert.equal(securityContext.privileged, set === 'a-privileged', set);
    assert.equal(securityContext.readOnlyRootFilesystem, true, set);
    if (set !== 'a-privileged') assert.notEqual(securityContext.seccompProfile.type, 'Unconfined', set);
  }
});

test('B is another user than root, or cannot gain privileges', { skip }, () => {
  for (const set of AGENT.filter((name) => ADDED[name] !== undefined)) {
    const { runAsUser, runAsNonRoot, allowPrivilegeEscalation } = containerOf(renderSet(set)).securityContext;
    const isRoot = /^a-|^b-root/.test(set);
    assert.deepEqual(
      [runAsUser, runAsNonRoot, allowPrivilegeEscalation],
      isRoot ? [0, undefined, false] : [65532, true, false],
      set,
    );
  }
});

test("the node's pid namespace is shared where it is chosen, its network and memory never", { skip }, () => {
  for (const set of SETS) {
    const { spec } = podTemplate(renderSet(set));
    assert.equal(spec.hostPID === true, AGENT.includes(set) && set !== 'b-own-pids', set);
    assert.deepEqual(
      [spec.hostNetwork, spec.hostIPC, spec.shareProcessNamespace],
      [undefined, undefined, undefined],
    );
  }
});

test('folders of the node are mounted read-only, with what is mounted below them where Kubernetes can', {
  skip,
}, () => {
  for (const { name, ...cluster } of CLUSTERS) {
    for (const set of SETS) {
      const { spec } = podTemplate(renderSet(set, cluster));
      const host = (spec.volumes ?? []).filter((volume: Manifest) => volume.hostPath !== undefined);
      const wanted = SIDECAR.includes(set) ? [] : ['/proc', '/sys'];
      if (set === 'a-everything') wanted.push('/run/containerd', '/var/lib/cognitod');
      assert.deepEqual(host.map((volume: Manifest) => volume.hostPath.path).sort(), wanted.sort(), set);
      for (const volume of host) {
        if (volume.name === 'evidence') continue;
        const mount = spec.containers[0].volumeMounts.find((one: Manifest) => one.name === volume.name);
        assert.equal(mount.readOnly, true);
        assert.equal(mount.mountPath, `/host${volume.hostPath.path}`);
        if (volume.name !== 'runtime')
          assert.equal(mount.recursiveReadOnly, name.endsWith('1.33') ? 'IfPossible' : undefined);
      }
    }
  }
});

test('what is kept for auditors is in memory, in the pod, or on the node', { skip }, () => {
  const evidence = (storage: string) => {
    const manifests = render({ set: [`evidence.storage=${storage}`] });
    const named = ({ name }: { name: string }) => name === 'evidence';
    return [
      podTemplate(manifests).spec.volumes.find(named)?.[storage],
      containerOf(manifests).volumeMounts.find(named)?.mountPath,
      /directory: (.*)/.exec(find(manifests, 'ConfigMap').data['cognitod.yaml'])?.[1],
    ];
  };
  assert.deepEqual(evidence('memory'), [undefined, undefined, undefined]);
  const inPod = ['/var/lib/cognitod', '/var/lib/cognitod/evidence'];
  assert.deepEqual(evidence('emptyDir'), [{ sizeLimit: '64Mi' }, ...inPod]);
  assert.deepEqual(evidence('hostPath'), [{ path: '/var/lib/cognitod', type: 'Directory' }, ...inPod]);
});

test('nodes are those of the observability tier, or all', { skip }, () => {
  const { spec } = podTemplate(renderSet('b-nonroot'));
  assert.equal(spec.nodeSelector['node-pool'], 'observability-tier');
  assert.deepEqual(spec.tolerations, [
    { key: 'observability', operator: 'Equal', value: 'true', effect: 'NoSchedule' },
  ]);
  const everywhere = podTemplate(renderSet('everywhere')).spec;
  assert.deepEqual(everywhere.nodeSelector, { 'kubernetes.io/os': 'linux' });
  assert.deepEqual(everywhere.tolerations, [{ operator: 'Exists' }]);
});

test('the service account reads pods and their owners and writes nothing', { skip }, () => {
  const rules = (set: string) => find(renderSet(set), 'ClusterRole').rules;
  const reading = [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get'] },
    { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get'] },
    { apiGroups: [''], resources: ['replicationcontrollers'], verbs: ['get'] },
  ];
  for (const set of AGENT.filter((name) => name !== 'a-everything'))
    assert.deepEqual(rules(set), reading, set);
  assert.deepEqual(rules('a-everything'), [
    ...reading,
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ]);
});

test('no rule has a wildcard, and every right to write names its object', { skip }, () => {
  for (const set of SETS) {
    for (const { kind, metadata, rules } of renderSet(set).filter(({ kind }) => /Role$/.test(kind))) {
      for (const rule of rules) {
        const words = [...rule.apiGroups, ...rule.resources, ...rule.verbs];
        assert.ok(!words.includes('*'), `${set} ${kind} ${metadata.name}`);
        const isEvents = rule.resources.includes('events');
        const isWriting = rule.verbs.some((verb: string) => !['get', 'list', 'watch'].includes(verb));
        if (isWriting && !isEvents) assert.equal(rule.resourceNames?.length, 1, `${set} ${metadata.name}`);
        assert.ok(!rule.resources.includes('secrets') || rule.resourceNames.length === 1);
      }
    }
  }
});

test('the ConfigMap is editable by the group that is named, and by none without a name', { skip }, () => {
  const manifests = render({ set: ['configEditors.group=sre'] });
  assert.deepEqual(find(manifests, 'Role').rules, [
    {
      apiGroups: [''],
      resources: ['configmaps'],
      resourceNames: ['cognitod'],
      verbs: ['get', 'update', 'patch'],
    },
  ]);
  assert.deepEqual(find(manifests, 'RoleBinding').subjects, [
    { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'sre' },
  ]);
  assert.deepEqual(
    render({ set: ['configEditors.group='] }).filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding'),
    [],
  );
});

test('the token of the service account is mounted where the API is asked, and nowhere by default', {
  skip,
}, () => {
  const isMounted = (manifests: Manifest[]) => [
    find(manifests, 'ServiceAccount').automountServiceAccountToken,
    podTemplate(manifests).spec.automountServiceAccountToken,
  ];
  assert.deepEqual(isMounted(render({})), [false, true]);
  assert.deepEqual(isMounted(render({ set: ['kubernetes.enabled=false'] })), [false, false]);
  assert.deepEqual(
    render({ set: ['kubernetes.enabled=false'] }).filter(({ kind }) => kind.startsWith('ClusterRole')),
    [],
  );
});

test('the image is what the values say, by tag or by digest', { skip }, () => {
  const image = (...set: string[]) => containerOf(render({ set })).image;
  assert.match(image(), /^ghcr\.io\/linnix-os\/cognitod:\d+\.\d+\.\d+$/);
  assert.equal(image('image.repository=r.example/c', 'image.tag=t'), 'r.example/c:t');
  const digest = `sha256:${'a'.repeat(64)}`;
  assert.equal(image(`image.digest=${digest}`), `ghcr.io/linnix-os/cognitod@${digest}`);
});

test('the token is a Secret only where the API leaves loopback', { skip }, () => {
  const secrets = (manifests: Manifest[]) => manifests.filter(({ kind }) => kind === 'Secret');
  assert.deepEqual(secrets(renderSet('b-nonroot')), []);
  const [secret] = secrets(renderSet('a-everything'));
  assert.match(Buffer.from(secret!.data.token, 'base64').toString(), /^[A-Za-z0-9]{48}$/);
  const own = render({ set: ['api.expose=true', 'api.existingSecret=mine'] });
  assert.deepEqual(secrets(own), []);
  const volume = podTemplate(own).spec.volumes.find(({ name }: { name: string }) => name === 'token');
  assert.deepEqual(volume.secret, { secretName: 'mine', defaultMode: 0o440 });
});

test('the admin token is a second Secret, only where it is asked for', { skip }, () => {
  const tokens = (manifests: Manifest[]) => {
    const { spec } = podTemplate(manifests);
    const { api } = parse(find(manifests, 'ConfigMap').data['cognitod.yaml']);
    return {
      secrets: manifests.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name),
      volumes: spec.volumes
        .filter(({ secret }: Manifest) => secret !== undefined)
        .map(
          ({ name, secret }: Manifest) => `${name} ${secret.secretName} ${secret.defaultMode.toString(8)}`,
        ),
      mounts: containerOf(manifests)
        .volumeMounts.filter(({ name }: Manifest) => /token/.test(String(name)))
        .map(({ mountPath, readOnly }: Manifest) => [mountPath, readOnly]),
      files: [api.token_file, api.admin_token_file],
    };
  };
  const read = ['api.expose=true'];
  assert.deepEqual(tokens(render({ set: read })), {
    secrets: ['cognitod-token'],
    volumes: ['token cognitod-token 440'],
    mounts: [['/etc/cognitod/token', true]],
    files: ['/etc/cognitod/token/token', undefined],
  });
  const both = render({ set: [...read, 'api.admin.enabled=true'] });
  assert.deepEqual(tokens(both), {
    secrets: ['cognitod-token', 'cognitod-admin-token'],
    volumes: ['token cognitod-token 440', 'admin-token cognitod-admin-token 440'],
    mounts: [
      ['/etc/cognitod/token', true],
      ['/etc/cognitod/admin-token', true],
    ],
    files: ['/etc/cognitod/token/token', '/etc/cognitod/admin-token/token'],
  });
  const made = both.filter(({ kind }) => kind === 'Secret').map(({ data }) => data.token);
  for (const token of made) assert.match(Buffer.from(token, 'base64').toString(), /^[A-Za-z0-9]{48}$/);
  assert.notEqual(made[0], made[1]);
  const own = tokens(
    render({ set: [...read, 'api.admin.enabled=true', 'api.admin.existingSecret=mine', 'name=eyes'] }),
  );
  assert.deepEqual(own.secrets, ['eyes-token']);
  assert.deepEqual(own.volumes, ['token eyes-token 440', 'admin-token mine 440']);
});

test('every object has the labels by which its release is found, and pods those of their selector', {
  skip,
}, () => {
  for (const set of SETS) {
    const manifests = renderSet(set);
    for (const { kind, metadata } of manifests) {
      const { labels = {} } = metadata;
      assert.equal(labels['app.kubernetes.io/name'], 'cognitod', `${set} ${kind}`);
      assert.equal(labels['app.kubernetes.io/managed-by'], 'Helm');
      assert.equal(labels['app.kubernetes.io/instance'], 'cognitod');
    }
    const { spec } = manifests.find(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment')!;
    for (const [key, value] of Object.entries(spec.selector.matchLabels))
      assert.equal(spec.template.metadata.labels[key], value);
  }
});

test('older clusters get none of the newer objects and fields', { skip }, () => {
  for (const set of SETS) {
    const text = JSON.stringify(renderSet(set, CLUSTERS[0]));
    assert.doesNotMatch(text, /ValidatingAdmissionPolicy|recursiveReadOnly|appArmorProfile/, set);
  }
  const { annotations } = podTemplate(renderSet('b-strict', CLUSTERS[0])).metadata as unknown as Manifest;
  assert.equal(annotations['container.apparmor.security.beta.kubernetes.io/cognitod'], 'localhost/cognitod');
  const { securityContext } = containerOf(renderSet('b-strict', CLUSTERS[1]));
  assert.deepEqual(securityContext.appArmorProfile, { type: 'Localhost', localhostProfile: 'cognitod' });
  assert.deepEqual(securityContext.seLinuxOptions, { type: 'cognitod_container_t' });
  assert.deepEqual(securityContext.seccompProfile, {
    type: 'Localhost',
    localhostProfile: 'cognitod/agent.json',
  });
});

test('the webhook harms no pod when it fails, and is not asked about its own and system pods', {
  skip,
}, () => {
  for (const set of SIDECAR) {
    const manifests = renderSet(set);
    const { webhooks } = find(manifests, 'MutatingWebhookConfiguration');
    assert.equal(webhooks.length, 1);
    const { failurePolicy, timeoutSeconds, sideEffects, reinvocationPolicy, namespaceSelector } = webhooks[0];
    assert.deepEqual(
      [failurePolicy, timeoutSeconds, sideEffects, reinvocationPolicy],
      ['Ignore', 2, 'None', 'IfNeeded'],
    );
    assert.deepEqual(namespaceSelector.matchExpressions, [
      {
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', 'kube-public', 'kube-node-lease', 'linnix-observability'],
      },
    ]);
    const { spec } = find(manifests, 'Deployment');
    assert.equal(spec.replicas, 2);
    const { securityContext } = containerOf(manifests);
    assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] });
    assert.deepEqual([securityContext.allowPrivilegeEscalation, securityContext.runAsNonRoot], [false, true]);
    assert.ok(!manifests.some(({ kind }) => kind === 'DaemonSet'));
  }
});

test('the file capabilities of the image are those that mode B can ask for, and the documentation has them', {
  skip,
}, () => {
  const added = (...set: string[]) =>
    podTemplate(render({ set: ['mode=unprivileged', ...set] })).spec.containers[0].securityContext;
  const most = added('b.sysPtrace=true', 'b.emptyBoundingSet=true');
  assert.equal(most.runAsUser, 65532);
  const names = most.capabilities.add.map((name: string) => `cap_${name.toLowerCase()}`);
  assert.equal(`${names.sort().join()}+p`, FILE_CAPABILITIES);
  assert.deepEqual(added().capabilities.add, ['BPF', 'PERFMON']);
  const page = readFileSync(join(import.meta.dirname, '../../docs/image.md'), 'utf8');
  assert.ok(page.includes(`\`${FILE_CAPABILITIES}\` on \`/opt/cognitod/bin/node\``));
  assert.doesNotMatch(page, /cannot keep/);
});
