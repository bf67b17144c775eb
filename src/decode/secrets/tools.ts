// Programs whose secrets only their own options tell: `mysql -pSECRET`, `curl -u user:SECRET`.

/** Which part of a value is the secret. */
export type ValuePart =
  | 'whole'
  | 'after-colon'
  | 'after-percent'
  | 'after-comma'
  /** All of it, unless it is written `name=value` or is the name of a file. */
  | 'unless-assigned'
  | 'unless-file'
  /** `>SECRET` of the rules of Redis. */
  | 'after-greater'
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
  /** One of `after` may also stand behind, in the arguments of the process. */
  readonly anywhere?: true;
  /** Short options without a value that may stand before one of `options` in the same argument. */
  readonly cluster?: string;
  /** Holds only after one of these arguments; `positional` too. */
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
export const CONTAINER = ['docker', 'podman', 'nerdctl', 'buildah', 'docker-compose', 'buildctl'];

/** docs/secrets.md describes each; a test keeps the two equal. */
export const TOOL_RULES: readonly ToolRule[] = [
  {
    name: 'mysql',
    programs: [...MYSQL, 'mysqlbinlog', 'mysqlsh', 'mycli', 'xtrabackup', 'mariabackup', 'mariadb*'],
    options: { '-p': 'whole' },
    attachedOnly: true,
    attachedNames: ['password'],
  },
  {
    name: 'mysqladmin',
    programs: ['mysqladmin', 'mariadb-admin'],
    positional: { after: ['password'], index: 1, part: 'whole' },
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
    name: 'redis-acl',
    programs: ['redis-cli', 'valkey-cli'],
    positional: { after: ['SETUSER', 'setuser'], index: 1, upTo: 99, part: 'after-greater' },
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
    programs: ['skopeo', 'podman', 'buildah', 'crictl'],
    options: {
      '--creds': 'after-colon',
      '--src-creds': 'after-colon',
      '--dest-creds': 'after-colon',
    },
    harmless: ['creds', 'src-creds', 'dest-creds'],
  },
  { name: 'containerd', programs: ['ctr'], options: { '--user': 'after-colon', '-u': 'after-colon' } },
  // The value names a secret that the engine keeps.
  { name: 'container-secret', programs: [...CONTAINER, 'gcloud'], harmless: ['secret'] },
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
  { name: 'openssl-hmac', programs: ['openssl'], options: { '-hmac': 'whole' } },
  { name: 'openssl-passwd', programs: ['openssl'], lastIf: /^passwd$/ },
  { name: 'mkpasswd', programs: ['mkpasswd'], positional: { index: 2, part: 'whole' } },
  { name: 'htpasswd', programs: ['htpasswd', 'mosquitto_passwd'], lastIf: /^-[a-zA-Z]*b/ },
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
  {
    name: 'rman',
    programs: ['rman'],
    options: { 'target=': 'after-slash', 'catalog=': 'after-slash', 'auxiliary=': 'after-slash' },
    positional: { after: ['target', 'catalog', 'auxiliary'], index: 1, part: 'after-slash' },
  },
  { name: 'db2', programs: ['db2'], positional: { after: ['using'], index: 1, part: 'whole' } },
  { name: 'cassandra', programs: ['cqlsh'], options: { '-p': 'whole' } },
  { name: 'nodetool', programs: ['nodetool'], options: { '-pw': 'whole' } },
  { name: 'putty', programs: ['plink', 'pscp', 'psftp'], options: { '-pw': 'whole' } },
  {
    name: 'short-password',
    programs: [
      ...['beeline', 'twine', 'poetry', 'rabbitmqadmin', 'ncftpput', 'ncftpget', 'veracrypt', 'hydra'],
    ],
    options: { '-p': 'whole' },
  },
  { name: 'doveadm', programs: ['doveadm'], options: { '-p': 'whole' }, after: ['pw'] },
  {
    name: 'kerberos',
    programs: ['kadmin', 'kadmin.local', 'addprinc', 'add_principal', 'cpw', 'change_password'],
    options: { '-w': 'whole', '-pw': 'whole' },
  },
  { name: 'ssh-keygen', programs: ['ssh-keygen'], options: { '-N': 'whole', '-P': 'whole' } },
  { name: 'slappasswd', programs: ['slappasswd'], options: { '-s': 'whole' } },
  {
    name: 'etcd',
    programs: ['etcdctl'],
    options: { '--user': 'after-colon' },
    positional: { after: ['add'], index: 1, part: 'after-colon' },
  },
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
    positional: { after: ['login', 'unseal', 'unwrap'], index: 1, part: 'unless-assigned' },
  },
  { name: 'vault-approle', programs: ['vault', 'bao'], options: { 'secret_id=': 'whole' } },
  {
    name: 'vault-kv',
    programs: ['vault', 'bao'],
    positional: { after: ['put', 'patch'], index: 1, upTo: 99, part: 'assigned' },
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
    name: 'aws-value',
    programs: ['aws'],
    options: { '--secret-string': 'unless-file', '--value': 'unless-file' },
    after: ['secretsmanager', 'ssm'],
  },
  {
    name: 'az-keyvault',
    programs: ['az'],
    options: { '--value': 'whole' },
    after: ['keyvault'],
  },
  {
    name: 'gh-secret',
    programs: ['gh'],
    options: { '-b': 'whole', '--body': 'whole' },
    after: ['secret'],
  },
  {
    name: 'fly-secrets',
    programs: ['fly', 'flyctl'],
    after: ['secrets'],
    positional: { after: ['set', 'import'], index: 1, upTo: 99, part: 'assigned' },
  },
  { name: 'doctl', programs: ['doctl'], options: { '-t': 'whole' }, after: ['auth'] },
  { name: 'cargo', programs: ['cargo'], positional: { after: ['login'], index: 1, part: 'whole' } },
  { name: 'codecov', programs: ['codecov'], options: { '-t': 'whole' } },
  { name: 'nuget', programs: ['dotnet', 'nuget'], options: { '-k': 'whole' }, after: ['push'] },
  { name: 'pulumi', programs: ['pulumi'], harmless: ['secret'] },
  {
    name: 'pulumi-secret',
    programs: ['pulumi'],
    after: ['--secret'],
    anywhere: true,
    positional: { after: ['set'], index: 2, part: 'whole' },
  },
  {
    name: 'minio',
    programs: ['mc'],
    positional: { after: ['set', 'add'], index: 4, part: 'whole' },
  },
  {
    name: 'minio-user',
    programs: ['mc'],
    after: ['user'],
    positional: { after: ['add'], index: 3, part: 'whole' },
  },
  { name: 'swift', programs: ['swift'], options: { '-K': 'whole' } },
  { name: 'ab', programs: ['ab'], options: { '-A': 'after-colon', '-P': 'after-colon' } },
  { name: 'sendemail', programs: ['sendemail', 'sendEmail'], options: { '-xp': 'whole' } },
  {
    name: 'pdf',
    programs: ['pdftotext', 'pdftoppm', 'pdfinfo', 'pdfimages', 'pdftocairo', 'pdftohtml'],
    options: { '-upw': 'whole', '-opw': 'whole' },
  },
  {
    name: 'ansible-vault',
    programs: ['ansible-vault'],
    positional: { after: ['encrypt_string'], index: 1, part: 'whole' },
  },
  { name: 'bitwarden', programs: ['bw'], positional: { after: ['unlock'], index: 1, part: 'whole' } },
  {
    name: 'kubeadm',
    programs: ['kubeadm'],
    after: ['token'],
    positional: { after: ['create', 'delete'], index: 1, part: 'whole' },
  },
  {
    name: 'wifi',
    programs: ['nmcli'],
    positional: { after: ['password', 'wifi-sec.psk'], index: 1, part: 'whole' },
  },
  { name: 'wpa', programs: ['wpa_passphrase'], positional: { index: 2, part: 'whole' } },
];
