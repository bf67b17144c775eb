// Which controls of SOC 2 (Trust Services Criteria 2017, with the points of focus of 2022) and ISO/IEC 27001:2022 Annex A the
// evidence is of use for. Numbers and our own words only; whether a control is met is for the auditor to say.

export interface Control {
  readonly soc2: string;
  readonly iso27001: string;
  /** What this report shows for it. */
  readonly shown: string;
}

export const CONTROLS: readonly Control[] = [
  {
    soc2: 'CC6.1, CC6.3',
    iso27001: 'A.5.15, A.8.2',
    shown:
      'privileges held over time; who called the API, and how they were let in; what the account may do in the cluster',
  },
  {
    soc2: 'CC6.6',
    iso27001: 'A.8.20',
    shown: 'destinations that the agent itself connects to; network policies around it',
  },
  {
    soc2: 'CC6.8',
    iso27001: 'A.8.7',
    shown: 'programs in the kernel by hash; every exec on the node is seen, with exact losses',
  },
  { soc2: 'CC7.1', iso27001: 'A.8.9', shown: 'configuration in effect, by hash, and when it changed' },
  {
    soc2: 'CC7.2',
    iso27001: 'A.8.15, A.8.16',
    shown: 'coverage per day: seen, lost, skipped, attributed, and gaps with their times',
  },
  {
    soc2: 'CC7.3',
    iso27001: 'A.5.25',
    shown:
      'every fork, exec and exit with its pod is kept for a while and streamed: material to judge an event by',
  },
  { soc2: 'CC8.1', iso27001: 'A.8.32', shown: 'version, programs and configuration of each run' },
];

/** What an auditor will ask for and not find here. */
export const NOT_COVERED: readonly string[] = [
  'RBAC and NetworkPolicies beyond those of the agent and its namespace; whether the network enforces them',
  'name lookups by the C library (DNS), which are packets without a connection',
  'insights and alerts: this version makes none, the section is empty',
  'who changed the configuration, and why: only that and when it changed',
  'other nodes: each agent tells of its own node',
  'the time before the first record, and the records that were dropped after the retention',
  'that the end of the chain was not cut off: for that, keep its head (below) somewhere else and give it to `evidence verify --head`',
  'SOC 2 CC1 to CC5 and CC9, ISO 27001 A.5 but for A.5.15, A.6 and A.7: organisation, people and places',
];
