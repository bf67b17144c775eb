// Whatever the arguments are, masking them costs no more than its budget, and what it does not read it masks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Budget, budgetFor, MAX_STEPS } from './ranges.ts';
import { createMasker } from './secrets.ts';
import { mask, RULES } from './testdata/masked.ts';

const KIB = 1024;
const [SMALL, LARGE] = [4 * KIB, 64 * KIB];
/** Linear work grows by 16 from one to the other. */
const MOST_GROWTH = 64;
const MOST_STEP_GROWTH = 20;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** What is repeated: alone as one argument, as a script, and as many arguments. */
const PIECES = [
  ...['a', '=', ':', '@', '-', '"', "'", '\\', ' ', '_', '.', '/', '$', '(', '\n', '&', ';', 'é', 'x-', '%'],
  ...['"\'', '\'"', '\\"', '\\\\" ', "' ", '" ', "'\\''", '"a" ', '""', '$(', '${', '`', 'x;', '| '],
  ...[
    'a=',
    'a=b ',
    'token=',
    'token= ',
    'token==',
    'token=x ',
    '&token=x',
    '?sig=',
    'A=',
    'a b=',
    '-password=',
  ],
  ...['--password ', '--password\n', '-p ', 'mysql -p ', 'mysql -px ', '-x -e ', '-- ', '-c ', 'set token '],
  ...[
    "sh -c '",
    'sh -c "',
    'sh -c \\"',
    'sudo ',
    'env ',
    'find -exec ',
    'docker run ',
    'echo ',
    'pulumi',
    'find',
  ],
  ...['"token":"', '"token" : 1,', '{"a":', '{token:"', 'token: x\n', ' token: "', 'password: ', '\n  - a: '],
  ...[
    'a://b:c/',
    'a://b@',
    'a://b:c@d ',
    '://:',
    'https://hooks.slack.com/services/',
    'cookie:',
    '\ncookie:x\n',
  ],
  ...['eyJ', 'eyJaaaaaaaa.', 'SG.aaaaaaaaaaaaaaaa.', 'AKIA', 'AKIAAAAAAAAAAAAAAAAA:', 'sk-', 'ghp_', 'hvs.'],
  ...['bearer ', 'bearer aaaaaaaaaaaaaaaa', "password '", "password'\\'", 'identified ', 'identified by '],
  ...['auth(', "auth('a','", 'jdbc:oracle:', 'jdbc:oracle:thin:a/', '-----BEGIN PRIVATE KEY-----', 'token-'],
];

const repeat = (piece: string, bytes: number) =>
  piece.repeat(Math.ceil(bytes / piece.length)).slice(0, bytes);

/** `bytes` of arguments in several shapes. */
const SHAPES: readonly (readonly [name: string, make: (piece: string, bytes: number) => string[]])[] = [
  ['one argument', (piece, bytes) => ['app', repeat(piece, bytes)]],
  ['a script', (piece, bytes) => ['sh', '-c', `${repeat(piece, bytes)} token`]],
  ['a curl script', (piece, bytes) => ['sh', '-c', `curl ${repeat(piece, bytes)}" token@x=`]],
  ['many arguments', (piece, bytes) => ['sudo', ...Array(Math.ceil(bytes / (piece.length + 1))).fill(piece)]],
  ['many of mysql', (piece, bytes) => ['mysql', ...Array(Math.ceil(bytes / (piece.length + 1))).fill(piece)]],
  [
    'many options with values',
    (piece, bytes) => ['sudo', ...Array(Math.ceil(bytes / (piece.length + 4))).fill(['-u', piece])].flat(),
  ],
  ['one of curl', (piece, bytes) => ['curl', `-s${repeat(piece, bytes)}`, '-H', repeat(piece, bytes)]],
];

/** Quotes within quotes, `levels` deep; the text doubles where backslashes do. */
function nestedScript(levels: number): string {
  let script = 'mysql -pSENTINEL';
  for (let level = 0; level < levels; level++)
    script = `sh -c "${script.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return script;
}

function stepsFor(
  argv: readonly string[],
  limit = UNLIMITED,
): { taken: number; cut: boolean; argv: string[] } {
  const budget = new Budget(limit);
  const copy = [...argv];
  const { cut } = createMasker(RULES, budget)(copy, copy[0]!);
  return { taken: budget.taken, cut, argv: copy };
}

test('without a limit the steps grow no faster than the arguments', () => {
  for (const [name, make] of SHAPES) {
    for (const piece of PIECES) {
      const [few, many] = [SMALL, LARGE].map((bytes) => stepsFor(make(piece, bytes)).taken);
      const growth = many! / few!;
      assert.ok(
        growth <= MOST_STEP_GROWTH,
        `${JSON.stringify(piece)} as ${name}: ${few} steps, then ${many}`,
      );
    }
  }
});

test('without a limit the time grows no faster than the arguments, so that no step hides work', () => {
  const unlimited = createMasker(RULES, new Budget(UNLIMITED));
  const quickest = (make: () => string[]) => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const argv = make();
      const start = performance.now();
      unlimited(argv, argv[0]!);
      best = Math.min(best, performance.now() - start);
    }
    return best;
  };
  for (const [name, make] of SHAPES) {
    for (const piece of PIECES) {
      const small = quickest(() => make(piece, SMALL));
      const large = quickest(() => make(piece, LARGE));
      // Below a millisecond the clock and the compiler are most of it.
      const most = Math.max(small, 1) * MOST_GROWTH;
      assert.ok(large <= most, `${JSON.stringify(piece)} as ${name}: ${small} ms, then ${large} ms`);
    }
  }
});

test('with the limit the work is bounded, whatever the size', () => {
  for (const [, make] of SHAPES) {
    for (const piece of PIECES) {
      for (const bytes of [SMALL, LARGE]) {
        const argv = make(piece, bytes);
        const { taken, cut } = stepsFor(argv, MAX_STEPS);
        // The last piece of work may be the search of one whole text.
        assert.ok(taken <= MAX_STEPS + bytes / 8 + 100, `${JSON.stringify(piece)}: ${taken} steps`);
        assert.equal(cut, taken > MAX_STEPS);
      }
    }
  }
});

/** As an image's entry point has them, about 4 KiB. */
const ENTRY_POINT = `set -eu
log() { echo "$(date -u +%FT%TZ) entrypoint: $*" >&2; }
for name in DB_PASSWORD API_TOKEN; do
  if [ -f "/run/secrets/$name" ]; then export "$name=$(cat "/run/secrets/$name")"; fi
done
log "waiting for the database at \${DB_HOST:-db}:\${DB_PORT:-5432}"
i=0
while ! nc -z "\${DB_HOST:-db}" "\${DB_PORT:-5432}"; do
  i=$((i + 1))
  if [ "$i" -gt 60 ]; then log "the database does not answer"; exit 1; fi
  sleep 1
done
mkdir -p /var/lib/app/cache /var/lib/app/uploads /var/log/app
chown -R app:app /var/lib/app /var/log/app
if [ ! -f /var/lib/app/.migrated ]; then
  log "first start: migrations run"
  su-exec app /usr/local/bin/app migrate --config /etc/app/config.yaml --verbose
  touch /var/lib/app/.migrated
fi
envsubst < /etc/nginx/template.conf > /etc/nginx/conf.d/default.conf
`.repeat(4);

test('ordinary command lines of 4 KiB are read to their end', () => {
  const ordinary: string[][] = [
    ['java', '-cp', repeat('/app/lib/some-library-1.2.3.jar:', 4 * KIB), 'com.example.Main'],
    [
      'gcc',
      ...Array(180).fill('-DFEATURE_FLAG=1 -I/usr/include/x'.split(' ')).flat().slice(0, 220),
      'main.c',
    ],
    ['ld', '-o', 'program', ...Array.from({ length: 250 }, (_, i) => `build/obj/${i}.o`)],
    [
      'docker',
      'run',
      ...Array.from({ length: 100 }, (_, i) => ['-e', `SETTING_NUMBER_${i}=value-${i}`]).flat(),
    ],
    [
      'kube-apiserver',
      ...Array.from({ length: 110 }, (_, i) => `--some-option-${i}=/etc/kubernetes/file-${i}`),
    ],
    ['sh', '-c', ENTRY_POINT.slice(0, 4 * KIB)],
  ];
  for (const argv of ordinary) {
    const { taken, cut, argv: masked } = stepsFor(argv, MAX_STEPS);
    assert.equal(cut, false, `${argv.slice(0, 3).join(' ').slice(0, 60)}: ${taken} steps`);
    assert.deepEqual(masked, argv);
  }
});

test('after the budget only plain options stay, and the event is marked', () => {
  const argv = [
    'app',
    ...Array(3000).fill('x'),
    'hunter2',
    '--verbose',
    '-x',
    '',
    '--a=b',
    '-phunter2',
    '/run',
  ];
  const { masked, cut } = mask(argv, 'app');
  assert.equal(cut, true);
  assert.deepEqual(argv.slice(-7), ['***', '--verbose', '-x', '', '***', '***', '***']);
  assert.equal(argv[1], 'x');
  assert.equal(masked, argv.filter((text) => text === '***').length);
});

test('a secret behind any amount of anything is masked', () => {
  for (const [name, make] of SHAPES) {
    if (name.endsWith('script')) continue;
    for (const piece of PIECES) {
      for (const bytes of [100, SMALL, LARGE]) {
        const argv = [...make(piece, bytes), '--db-password=SENTINEL'];
        mask(argv, argv[0]!);
        assert.ok(
          !argv.join(' ').includes('SENTINEL'),
          `${JSON.stringify(piece)} as ${name}, ${bytes} bytes`,
        );
      }
    }
  }
});

test('a secret is masked however deep it is quoted', () => {
  for (let levels = 0; levels <= 9; levels++) {
    const argv = ['sh', '-c', nestedScript(levels)];
    mask(argv, 'sh');
    assert.ok(!argv.join(' ').includes('SENTINEL'), `${levels} levels: ${argv[2]}`);
  }
});

/** Runs that once found something wrong, and those of the first rounds of this test. */
const SEEDS = [1, 20261130, 424242];
const token = fc.constantFrom(
  ...PIECES,
  'hunter2',
  '--token',
  '-u',
  'a:b',
  '--',
  '{}',
  'vault login ',
  '~',
  '\0x',
);
const argument = fc.array(token, { maxLength: 12 }).map((pieces) => pieces.join(''));
const program = fc.constantFrom('app', 'sh', 'curl', 'mysql', 'docker', 'sudo', 'find', 'vault', 'echo', '');
const vector = fc.tuple(
  program,
  fc.array(fc.oneof(argument, fc.string(), fc.string({ unit: 'binary' })), { maxLength: 8 }),
);

for (const seed of [...SEEDS, undefined]) {
  test(`any arguments are masked without an error, twice the same (seed ${seed ?? 'of this run'})`, () => {
    fc.assert(
      fc.property(vector, ([name, rest]) => {
        const argv = [name, ...rest];
        const [first, second] = [[...argv], [...argv]];
        const result = mask(first, name);
        assert.deepEqual(mask(second, name), result, 'nothing is left over from the vector before');
        assert.deepEqual(second, first);
        assert.equal(first.length, argv.length);
        assert.equal(result.masked, first.filter((text, i) => text !== argv[i]).length);
      }),
      { numRuns: 2000, ...(seed === undefined ? {} : { seed }) },
    );
  });

  test(`a secret at the end is masked after any arguments (seed ${seed ?? 'of this run'})`, () => {
    fc.assert(
      fc.property(vector, ([, rest]) => {
        const argv = ['app', ...rest, '--db-password=SENTINEL', 'DB_TOKEN=SENTINEL'];
        mask(argv, 'app');
        assert.ok(!argv.join(' ').includes('SENTINEL'));
      }),
      { numRuns: 2000, ...(seed === undefined ? {} : { seed }) },
    );
  });
}

test('who keeps more bytes of arguments has them read', () => {
  const steps = (argvBytes: number) => {
    const budget = budgetFor(argvBytes);
    let taken = 0;
    while (budget.take(1)) taken++;
    return taken;
  };
  assert.deepEqual([64, 4096, 32_768].map(steps), [MAX_STEPS, MAX_STEPS, 16_384]);
});
