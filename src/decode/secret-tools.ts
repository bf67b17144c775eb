// Programs whose secrets only their own options tell: `mysql -pSECRET`, `curl -u user:SECRET`.

/** Which part of a value is the secret. */
export type ValuePart =
  | 'whole'
  | 'after-colon'
  | 'after-percent'
  | 'after-comma'
  /** `pass:SECRET` of openssl; `file:…` and `env:…` are none. */
  | 'after-pass'
  /** `user/SECRET@database` of Oracle's programs. */
  | 'after-slash'
  /** `name=value;…` of a cookie jar; a file name otherwise. */
  | 'assigned';

export interface ToolRule {
  /** As in docs/secrets.md. */
  readonly name: string;
  /** File names of the programs; `*` at the end stands for any ending. */
  readonly programs: readonly string[];
  /** Options whose value is a secret: `-p X`, `-pX`, `--long X`, `--long=X`. */
  readonly options?: Readonly<Record<string, ValuePart>>;
  /** The short options take their value only attached: the next argument is something else. */
  readonly attachedOnly?: true;
  /** Short options without a value that may stand before one of `options` in the same argument. */
  readonly cluster?: string;
  /** Holds only after one of these arguments. */
  readonly after?: readonly string[];
  /** Long options of this program that are no secret, whatever their name says. */
  readonly harmless?: readonly string[];
  /** Long options of this program whose value is never in the next argument. */
  readonly attachedNames?: readonly string[];
  /** The nth argument (from 1) that is no option, counted after the argument `after`, or from the program. */
  readonly positional?: {
    readonly after?: readonly string[];
    readonly index: number;
    /** The last of several. */
    readonly upTo?: number;
    readonly part: ValuePart;
  };
  /** The command's last argument is the secret when an option like this is given. */
  readonly lastIf?: RegExp;
}

const MYSQL = ['mysql', 'mysqldump', 'mysqladmin', 'mysqlimport', 'mysqlshow', 'mysqlcheck', 'mysqlslap'];
const POSTGRES = [
  'psql',
  'pg_dump',
  'pg_dumpall',
  'pg_restore',
  'pg_basebackup',
  'createdb',
  'dropdb',
  'createuser',
];
const CONTAINER = ['docker', 'podman', 'nerdctl', 'buildah', 'docker-compose', 'buildctl'];

/** docs/secrets.md describes each; a test keeps the two equal. */
export const TOOL_RULES: readonly ToolRule[] = [
  {
    name: 'mysql',
    programs: [...MYSQL, 'mysqlbinlog', 'mysqlsh', 'mycli', 'xtrabackup', 'mariabackup', 'mariadb*'],
    options: { '-p': 'whole' },
    attachedOnly: true,
    attachedNames: ['password'],
  },
  { name: 'postgres', programs: POSTGRES, attachedNames: ['password'] },
  { name: 'sshpass', programs: ['sshpass'], options: { '-p': 'whole' } },
  { name: 'redis', programs: ['redis-cli', 'valkey-cli'], options: { '-a': 'whole' } },
  {
    name: 'redis-auth',
    programs: ['redis-cli', 'valkey-cli'],
    positional: { after: ['AUTH', 'auth', 'requirepass', 'masterauth'], index: 1, upTo: 2, part: 'whole' },
  },
  {
    name: 'curl',
    programs: ['curl'],
    options: {
      '-u': 'after-colon',
      '-U': 'after-colon',
      '-E': 'after-colon',
      '-b': 'assigned',
      '--user': 'after-colon',
      '--proxy-user': 'after-colon',
      '--cert': 'after-colon',
      '--cookie': 'assigned',
    },
    cluster: 'sSkLfvgiIGnqjJlNaZ#0123456',
  },
  {
    name: 'httpie',
    programs: ['http', 'https', 'xh', 'xhs'],
    options: { '-a': 'after-colon', '--auth': 'after-colon' },
  },
  {
    name: 'registry-login',
    programs: [...CONTAINER, 'skopeo', 'helm', 'oras', 'crane', 'regctl', 'oc', 'az', 'cf'],
    options: { '-p': 'whole' },
    after: ['login'],
  },
  {
    name: 'registry-credentials',
    programs: ['skopeo', 'podman', 'buildah'],
    options: {
      '--creds': 'after-colon',
      '--src-creds': 'after-colon',
      '--dest-creds': 'after-colon',
    },
    harmless: ['creds', 'src-creds', 'dest-creds'],
  },
  // The value names a secret that the engine keeps.
  { name: 'container-secret', programs: CONTAINER, harmless: ['secret'] },
  {
    name: 'kubectl-literal',
    programs: ['kubectl', 'oc'],
    options: { '--from-literal': 'assigned' },
    after: ['secret'],
  },
  {
    name: 'ldap',
    programs: [
      ...[
        'ldapsearch',
        'ldapadd',
        'ldapmodify',
        'ldapdelete',
        'ldapmodrdn',
        'ldapcompare',
        'ldapwhoami',
        'ldapexop',
      ],
    ],
    options: { '-w': 'whole' },
  },
  { name: 'ldappasswd', programs: ['ldappasswd'], options: { '-w': 'whole', '-s': 'whole', '-a': 'whole' } },
  {
    name: 'openssl',
    programs: ['openssl'],
    options: { '-pass': 'after-pass', '-passin': 'after-pass', '-passout': 'after-pass' },
    harmless: ['pass', 'passin', 'passout'],
  },
  { name: 'openssl-enc', programs: ['openssl'], options: { '-k': 'whole', '-K': 'whole' }, after: ['enc'] },
  { name: 'htpasswd', programs: ['htpasswd'], lastIf: /^-[a-zA-Z]*b/ },
  {
    name: 'smb',
    programs: [
      'smbclient',
      'smbget',
      'smbpasswd',
      'smbcacls',
      'rpcclient',
      'net',
      'samba-tool',
      'winexe',
      'wmic',
    ],
    options: { '-U': 'after-percent', '--user': 'after-percent', '--username': 'after-percent' },
  },
  {
    name: 'mongo',
    programs: [
      ...[
        'mongo',
        'mongosh',
        'mongodump',
        'mongorestore',
        'mongoexport',
        'mongoimport',
        'mongostat',
        'mongotop',
      ],
    ],
    options: { '-p': 'whole' },
  },
  {
    name: 'snmp',
    programs: [
      ...[
        'snmpget',
        'snmpgetnext',
        'snmpwalk',
        'snmpbulkget',
        'snmpbulkwalk',
        'snmpset',
        'snmptable',
        'snmpstatus',
      ],
      ...['snmptrap', 'snmpinform', 'snmptranslate', 'snmpdf', 'snmpusm'],
    ],
    options: { '-A': 'whole', '-X': 'whole', '-c': 'whole' },
  },
  { name: 'sqlserver', programs: ['sqlcmd', 'bcp', 'tsql', 'osql'], options: { '-P': 'whole' } },
  {
    name: 'oracle',
    programs: ['sqlplus', 'impdp', 'expdp', 'sqlldr'],
    positional: { index: 1, part: 'after-slash' },
  },
  { name: 'cassandra', programs: ['cqlsh'], options: { '-p': 'whole' } },
  { name: 'nodetool', programs: ['nodetool'], options: { '-pw': 'whole' } },
  { name: 'zip', programs: ['zip', 'unzip'], options: { '-P': 'whole' } },
  {
    name: 'archiver',
    programs: ['7z', '7za', '7zr', '7zz', 'rar', 'unrar'],
    options: { '-p': 'whole', '-hp': 'whole' },
    attachedOnly: true,
  },
  {
    name: 'rdp',
    programs: ['xfreerdp', 'xfreerdp3', 'wlfreerdp', 'rdesktop'],
    options: { '-p': 'whole', '/p:': 'whole' },
  },
  {
    name: 'ipmi',
    programs: ['ipmitool', 'ipmi-power', 'ipmipower', 'fence_ipmilan'],
    options: { '-P': 'whole' },
  },
  { name: 'lftp', programs: ['lftp'], options: { '-u': 'after-comma' } },
  { name: 'mqtt', programs: ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr'], options: { '-P': 'whole' } },
  { name: 'useradd', programs: ['useradd', 'usermod', 'groupadd', 'groupmod'], options: { '-p': 'whole' } },
  {
    name: 'vault-login',
    programs: ['vault', 'bao'],
    positional: { after: ['login'], index: 1, part: 'whole' },
  },
  {
    name: 'rabbitmq',
    programs: ['rabbitmqctl'],
    positional: { after: ['add_user', 'change_password', 'authenticate_user'], index: 2, part: 'whole' },
  },
  {
    name: 'aws-configure',
    programs: ['aws'],
    positional: { after: ['aws_secret_access_key', 'aws_session_token'], index: 1, part: 'whole' },
  },
  {
    name: 'wifi',
    programs: ['nmcli'],
    positional: { after: ['password', 'wifi-sec.psk'], index: 1, part: 'whole' },
  },
  { name: 'wpa', programs: ['wpa_passphrase'], positional: { index: 2, part: 'whole' } },
];

/** Programs that run the program named in their arguments. */
const WRAPPERS = new Set(
  (
    'sudo doas env timeout nice ionice nohup setsid stdbuf time strace ltrace perf xargs exec command eval chroot ' +
    'nsenter unshare su-exec gosu tini dumb-init catatonit setpriv runuser flock watch chronic systemd-run ' +
    'systemd-inhibit ssh sshpass busybox python python2 python3 perl ruby node parallel taskset numactl prlimit'
  ).split(' '),
);
/** Programs that run one in a container, after these words. */
const CONTAINER_PROGRAMS = new Set([...CONTAINER, 'kubectl', 'oc', 'crictl', 'ctr', 'lxc', 'microk8s']);
/** Programs whose arguments are text for people: options in it are none. */
const WRITERS = new Set(['echo', 'printf', 'logger', 'notify-send', 'wall']);

/** How a program's arguments are to be read. */
export interface Program {
  readonly rules: readonly ToolRule[];
  readonly runs: 'nothing' | 'program' | 'container';
  readonly writer: boolean;
}

const ORDINARY: Program = { rules: [], runs: 'nothing', writer: false };
const PROGRAMS = new Map<string, Program>();
const ENDINGS: [start: string, program: Program][] = [];
for (const name of new Set([...TOOL_RULES.flatMap((rule) => rule.programs), ...WRAPPERS, ...WRITERS]))
  addProgram(name);
for (const name of CONTAINER_PROGRAMS) addProgram(name);

function addProgram(name: string): void {
  const rules = TOOL_RULES.filter((rule) => rule.programs.includes(name));
  const runs = CONTAINER_PROGRAMS.has(name) ? 'container' : WRAPPERS.has(name) ? 'program' : 'nothing';
  const program: Program = { rules, runs, writer: WRITERS.has(name) };
  if (name.endsWith('*')) ENDINGS.push([name.slice(0, -1), program]);
  else PROGRAMS.set(name, program);
}

/** The program of a path or file name; undefined for one that no rule is about. */
export function findProgram(path: string): Program | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return PROGRAMS.get(name) ?? ENDINGS.find(([start]) => name.startsWith(start))?.[1];
}

export { ORDINARY };
