// The report for auditors, from the agent's records.
import {
  COLLECTED,
  COUNTED_KINDS,
  type CoverageJson,
  type EvidenceContent,
  type EvidenceJson,
  MISSING_COLUMNS,
  NEVER_COLLECTED,
} from '../../api/index.ts';
import { lineOf, verifyChain } from '../../lib/hash-chain.ts';
import { countText } from '../text.ts';
import { CONTROLS, NOT_COVERED } from './controls.ts';
import type { Block } from './document.ts';

export const TITLE = 'Evidence of cognitod';

/** Everything that was asked for; `made` is when, RFC 3339. */
export function reportOf(evidence: EvidenceJson, made: string): Block[] {
  const periods = [...evidence.records, evidence.current];
  const { current } = evidence;
  return [
    { heading: `${TITLE} on ${current.node}`, level: 1 },
    ...summary(evidence, made),
    { heading: 'Statement', level: 2 },
    { quote: statement(evidence) },
    { heading: 'Coverage per day', level: 2 },
    ...coverage(periods),
    { heading: 'Programs in the kernel', level: 2 },
    ...programs(current),
    { heading: 'Privileges', level: 2 },
    ...privileges(periods),
    { heading: 'Data', level: 2 },
    {
      columns: ['collected', 'fields'],
      rows: COLLECTED.map(({ what, fields }) => [what, fields.join(', ')]),
    },
    {
      columns: ['never collected', 'because'],
      rows: NEVER_COLLECTED.map(({ what, because }) => [what, because]),
    },
    { heading: 'Configuration in effect', level: 2 },
    { paragraph: `SHA-256 of its canonical JSON, secrets replaced: ${current.configuration.sha256}` },
    { columns: ['key', 'value'], rows: flat(current.configuration.values) },
    { heading: 'Who called the API', level: 2 },
    ...access(periods),
    { heading: 'Connections that the agent makes', level: 2 },
    ...connections(periods, current),
    { heading: 'Rights and policies in the cluster', level: 2 },
    ...cluster(current),
    { heading: 'Controls', level: 2 },
    {
      columns: ['SOC 2', 'ISO 27001', 'shown here'],
      rows: CONTROLS.map((control) => [control.soc2, control.iso27001, control.shown]),
    },
    { heading: 'Not covered', level: 2 },
    { list: NOT_COVERED },
  ];
}

function cluster({ cluster: { state, reasons, rights, objects } }: EvidenceContent): Block[] {
  const asked =
    state === 'not-read' ? 'They could not be read.' : 'As the Kubernetes API told them when asked.';
  return [
    { paragraph: asked },
    ...(reasons.length === 0 ? [] : [{ list: reasons.map((reason) => `not read: ${reason}`) }]),
    ...(rights.length === 0
      ? []
      : [{ columns: ["the agent's account may"], rows: rights.map((right) => [right]) }]),
    ...(objects.length === 0
      ? []
      : [
          {
            columns: ['kind', 'name', 'SHA-256 of what it says', 'what it says'],
            rows: objects.map(({ kind, namespace, name, sha256, content }) => [
              kind,
              namespace === null ? name : `${namespace}/${name}`,
              sha256,
              content ?? 'too long to keep: compare the hash',
            ]),
          },
        ]),
  ];
}

function summary({ records, head, kept_in, current }: EvidenceJson, made: string): Block[] {
  const { problems } = verifyChain(records.map((record) => `${lineOf(record)}\n`).join(''));
  const told = records.flatMap((record) => record.problems);
  const first = records[0];
  return [
    {
      columns: ['', ''],
      rows: [
        ['made', made],
        ['agent', `cognitod ${current.version}, pid ${current.agent_pid}, boot ${current.boot_id}`],
        ['time', `${first?.from ?? current.from} to ${current.to}`],
        ['records', `${records.length}${first === undefined ? '' : `, from number ${first.sequence}`}`],
        ['head of the chain', head === null ? 'none' : `${head.hash} (number ${head.sequence})`],
        ['kept in', kept_in ?? 'memory: gone when the agent ends. Set evidence.directory'],
        ['chain', problems.length === 0 ? 'whole: every record follows the one before' : 'BROKEN'],
      ],
    },
    ...(problems.length + told.length === 0
      ? []
      : [
          {
            list: [
              ...problems.map(({ line, problem }) => `record ${line} of this report: ${problem}`),
              ...told,
            ],
          },
        ]),
  ];
}

/** The sample statement of the document, with what is true of this agent. */
function statement({ current }: EvidenceJson): string {
  const { privileges, programs: loaded, collector } = current;
  const { kept, dropped, privileged_seconds: seconds } = privileges;
  const held = privileges.cap_permitted;
  const why =
    collector === 'ebpf'
      ? `cognitod loads eBPF programs for process lifecycle tracking${dropped ? `, for which it held privileges for ${seconds?.toFixed(2)} seconds at its start` : ''}.`
      : 'cognitod polls /proc and has loaded no eBPF programs; processes that live shorter than the pause between two looks are not seen.';
  const now =
    held.length === 0
      ? `It now holds no Linux capability in any of its threads${privileges.no_new_privs ? ', and cannot acquire any (no_new_privs)' : '; no_new_privs is NOT set, so that a program that it started could acquire some'}.`
      : `It now holds ${held.join(', ')}${kept.length > 0 ? ', kept on purpose by its configuration' : ''}.`;
  const readOnly = loaded.every((object) => object.read_only)
    ? `The programs are read-only observers attached to ${loaded.flatMap(({ hooks }) => hooks).length} kernel hooks: they call only helpers of an allow-list that neither write to user memory, change results nor send signals.`
    : 'NOT all programs are read-only: see below.';
  return [
    why,
    now,
    ...(collector === 'ebpf' ? [readOnly] : []),
    'The agent changes nothing on the node.',
  ].join(' ');
}

const GAP_TEXT = {
  'not-running': 'the agent was not running',
  'not-recorded': 'the agent ended without a last record: some of this time it may have run',
} as const;

/** Of each day; the first is what happened. */
const COVERAGE = ['happened', 'seen', ...MISSING_COLUMNS] as const;

function coverage(periods: readonly EvidenceContent[]): Block[] {
  const days = Map.groupBy(periods, ({ from }) => from.slice(0, 10));
  const rows = [...days].map(([day, records]) => {
    const sum = (of: (record: EvidenceContent) => number) =>
      records.reduce((total, record) => total + of(record), 0);
    // Records of earlier versions know neither moves nor what the kernel skipped.
    const all = (field: keyof CoverageJson) =>
      sum(({ coverage }) =>
        COUNTED_KINDS.reduce((events, kind) => events + (coverage[kind]?.[field] ?? 0), 0),
      );
    const events = sum(({ containers }) => containers.events);
    const attributed = sum(({ containers }) => containers.attributed);
    const share =
      events === 0 ? '–' : `${((100 * attributed) / events).toFixed(2)} % of ${countText(events)}`;
    return [day, ...COVERAGE.map((field) => countText(all(field))), share];
  });
  const gaps = periods.flatMap((record) => record.gaps);
  return [
    {
      columns: ['day (UTC)', 'forks, execs, exits, moves', ...COVERAGE.slice(1), 'of containers, attributed'],
      rows,
    },
    ...(periods.some(({ collector }) => collector === 'procfs')
      ? [
          {
            paragraph:
              'Some or all of this was polled from /proc: processes that lived shorter than the pause between two looks were neither seen nor counted, nor are they among the lost or skipped.',
          },
        ]
      : []),
    gaps.length === 0
      ? {
          paragraph:
            'No gaps: the agent ran all the time from the first record on, and of what it counts nothing was lost or skipped.',
        }
      : {
          columns: ['gap from', 'to', 'why'],
          rows: gaps.map(({ from, to, reason, events }) => [
            from,
            to,
            reason === 'not-running' || reason === 'not-recorded'
              ? GAP_TEXT[reason]
              : `${countText(events ?? 0)} ${events === 1 ? 'event' : 'events'} ${reason}`,
          ]),
        },
  ];
}

function programs({ programs: loaded, collector_reason: reason }: EvidenceContent): Block[] {
  if (loaded.length === 0) return [{ paragraph: `None: ${reason}` }];
  return [
    {
      columns: ['object', 'SHA-256', 'instructions', 'attached to', 'calls', 'only reads'],
      rows: loaded.map(({ object, sha256, instructions, hooks, helpers, read_only }) => [
        object,
        sha256,
        countText(instructions),
        hooks.join(', '),
        helpers.join(', '),
        read_only ? 'yes' : 'NO',
      ]),
    },
  ];
}

function privileges(periods: readonly EvidenceContent[]): Block[] {
  const rows: string[][] = [];
  for (const { from, to, privileges: held } of periods) {
    const names = (set: readonly string[]) => (set.length === 0 ? 'none' : set.join(', '));
    const row = [
      names(held.cap_permitted),
      names(held.cap_bounding),
      held.no_new_privs ? 'yes' : 'NO',
      held.seccomp,
      held.confinement?.landlock == null ? 'no' : `version ${held.confinement.landlock}`,
      `${held.uid}:${held.gid}`,
    ];
    const last = rows.at(-1);
    // Periods that hold the same are one.
    if (last !== undefined && last.slice(2).join() === row.join()) last[1] = to;
    else rows.push([from, to, ...row]);
  }
  return [
    {
      columns: [
        'from',
        'to',
        'capabilities of any thread',
        'bounding set',
        'no_new_privs',
        'seccomp',
        'Landlock',
        'uid:gid',
      ],
      rows,
    },
  ];
}

function access(periods: readonly EvidenceContent[]): Block[] {
  const counts = new Map<string, { cells: string[]; count: number }>();
  for (const { who, method, route, status, count } of periods.flatMap((record) => record.access)) {
    const cells = [who, `${method} ${route}`, String(status)];
    const entry = counts.get(cells.join()) ?? { cells, count: 0 };
    entry.count += count;
    counts.set(cells.join(), entry);
  }
  const further = periods.reduce((total, record) => total + record.access_overflow, 0);
  if (counts.size === 0) return [{ paragraph: 'Nobody.' }];
  return [
    {
      columns: ['who', 'request', 'answer', 'times'],
      rows: [...counts.values()].map(({ cells, count }) => [...cells, countText(count)]),
    },
    {
      paragraph:
        'local: from this machine without a token, which a loopback address allows. token: with the read token. admin: with the admin token. open: a probe, which needs none. refused: not let in.',
    },
    ...(further === 0
      ? []
      : [{ paragraph: `${countText(further)} requests of further kinds are not listed.` }]),
  ];
}

function connections(periods: readonly EvidenceContent[], { egress }: EvidenceContent): Block[] {
  const counts = new Map<string, number>();
  for (const { to, count } of periods.flatMap((record) => record.connections))
    counts.set(to, (counts.get(to) ?? 0) + count);
  const further = periods.reduce((total, record) => total + record.connections_overflow, 0);
  return [
    egress.length === 0
      ? { paragraph: 'It is configured to make none.' }
      : {
          columns: ['configured to connect to', 'for', 'state now'],
          rows: egress.map(({ to, purpose, state }) => [to, purpose, state]),
        },
    counts.size === 0
      ? { paragraph: 'It has tried to make none.' }
      : {
          columns: ['has connected to, or tried to', 'times'],
          rows: [...counts].sort().map(([to, count]) => [to, countText(count)]),
        },
    ...(further === 0
      ? []
      : [{ paragraph: `${countText(further)} to further destinations are not listed.` }]),
  ];
}

/** Every key in dots, with its value as JSON. */
function flat(values: Record<string, unknown>, prefix = ''): string[][] {
  return Object.entries(values).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? flat(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[prefix + key, JSON.stringify(value)]],
  );
}
