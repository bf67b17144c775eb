// Secrets of single programs, and of scripts in an argument.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, mask } from './testdata/masked.ts';

test('programs keep what only looks like their secret', () => {
  const untouched = [
    'mysql -p shop',
    'mysql -P 3306 --protocol=tcp -u bob',
    'mysql --password shop',
    'curl -o u -u bob https://h',
    'curl -sSo a:b -fx p:q https://h',
    'docker logs mysql -pX',
    'app --mount vol:/data:ro@x',
    'curl -b jar.txt -E cert.pem',
    'docker run -p 80:80 x',
    'docker build --secret=id=npm .',
    'podman run --secret=name,type=env x',
    'openssl rsa -passin env:X -k y',
    'htpasswd -c file bob',
    'htpasswd -B file bob',
    'smbclient -U bob //h/s',
    'mongosh -p --host h',
    'sqlplus /nolog @a/b.sql',
    'sqlplus bob @a/b.sql',
    'unrar x -p a.rar',
    'kubectl create configmap x --from-literal=a=b',
    'vault kv get login2',
    'redis-cli GET auth2 x',
    'notmysql -psecret',
    'lftp -u bob host',
  ];
  for (const line of untouched) check([[line, line]]);
});

test('programs are recognised by path, and where others run them', () => {
  check([
    ['/usr/bin/mysql -pX', '/usr/bin/mysql -p***'],
    ['mariadb-dump -pX', 'mariadb-dump -p***'],
    ['sudo -u mysql mysqldump -pX', 'sudo -u mysql mysqldump -p***'],
    ['sudo -u mysql curl -u a:b', 'sudo -u mysql curl -u a:***'],
    ['sudo -E env A=b timeout 5 mysql -pX', 'sudo -E env A=b timeout 5 mysql -p***'],
    ['ssh -p 22 host mysql -pX', 'ssh -p 22 host mysql -p***'],
    ['docker exec -it db mysql -pX', 'docker exec -it db mysql -p***'],
    ['docker run --rm mysql mysql -pX', 'docker run --rm mysql mysql -p***'],
    ['docker run --name mysql -p3306:3306 x', 'docker run --name mysql -p3306:3306 x'],
    ['kubectl -n a exec pod -- mysql -pX', 'kubectl -n a exec pod -- mysql -p***'],
    ['sshpass -p X rsync -p Y', 'sshpass -p *** rsync -p Y'],
    ['kubectl debug pod -- mysql -pX', 'kubectl debug pod -- mysql -p***'],
    ['curl -skuX:Y h', 'curl -skuX:*** h'],
    ['curl -sku bob:X -Ubob:Y --user=bob:Z h', 'curl -sku bob:*** -Ubob:*** --user=bob:*** h'],
    ['redis-cli CONFIG SET requirepass X', 'redis-cli CONFIG SET requirepass ***'],
    ['htpasswd -nbBC 10 bob X', 'htpasswd -nbBC 10 bob ***'],
    ['sqlplus scott/ti/g@er@db', 'sqlplus scott/***@db'],
    ['sqlplus scott/tiger', 'sqlplus scott/***'],
  ]);
  const argv = ['mysql-wrapper', '-pX'];
  assert.equal(mask(argv, '/usr/bin/mysql').masked, 1);
  const applet = ['mysql', '-pX'];
  assert.equal(mask(applet, '/usr/bin/multi').masked, 1);
});

test('scripts in one argument are read like command lines', () => {
  for (const [script, becomes] of [
    ['app --password hunter2 && app2 --token=abc', 'app --password *** && app2 --token=***'],
    ['PASSWORD=hunter2 app; echo done', 'PASSWORD=*** app; echo done'],
    ['PASSWORD="a b" app', 'PASSWORD=*** app'],
    ['if true; then mysql -pX; fi', 'if true; then mysql -p***; fi'],
    ['a | sshpass -p "X Y" ssh h', 'a | sshpass -p "***" ssh h'],
    ['X=1 exec mysql -pX', 'X=1 exec mysql -p***'],
    ['su -c "mysql -pX db" bob', 'su -c "mysql -p*** db" bob'],
    ['su -c \'sh -c "mysql -pX db"\' bob', 'su -c \'sh -c "mysql -p*** db"\' bob'],
    ['sh -c "sh -c \\"mysql -pX\\" x"', 'sh -c "sh -c \\"mysql -p***\\" x"'],
    ['x=$(curl -u a:b h)', 'x=$(curl -u a:*** h)'],
    ["don't app --password hunter2", "don't app --password ***"],
    ["it's app --password 'hunter2' isn't it", "it's app --password '***' isn't it"],
    [`app --password $\{A:-hunter2}`, 'app --password ***'],
    ['htpasswd -b f bob X; ls', 'htpasswd -b f bob ***; ls'],
    ['a\nmysql -pX\nb', 'a\nmysql -p***\nb'],
    ['x "a";mysql -pX', 'x "a";mysql -p***'],
    [`A=${'b'.repeat(100)} mysql -pX`, `A=${'b'.repeat(100)} mysql -p***`],
    [`${'b'.repeat(100)} mysql -pX`, `${'b'.repeat(100)} mysql -pX`],
    ['--opt="a --password=hunter2 b"', '--opt="a --password=*** b"'],
  ] as const) {
    check([
      [
        ['sh', '-c', script],
        ['sh', '-c', becomes],
      ],
    ]);
    check([
      [
        ['ssh', 'h', `: ; ${script}`],
        ['ssh', 'h', `: ; ${becomes}`],
      ],
    ]);
  }
  for (const script of [
    `app --password "$DB_PASSWORD" --token $TOKEN --secret "$\{A}:$\{B}"`,
    'TOKEN=$(cat /run/token) PASSWORD=`pass` API_KEY=$1 app',
    'echo --password hunter2; printf "%s" --password x',
    'curl https://u:$PW@host',
    'app --password --host db',
    'mysql -p; app -pX',
    'ls -la',
  ]) {
    check([
      [
        ['sh', '-c', script],
        ['sh', '-c', script],
      ],
    ]);
  }
});

test('messages for people keep words that look like options', () => {
  for (const option of ['-m', '-am', '--message']) {
    const argv = ['git', 'commit', option, 'cookie: use --password foo'];
    check([[argv, argv]]);
  }
  check([
    [
      ['git', 'commit', '-m', 'set password=foo'],
      ['git', 'commit', '-m', 'set password=***'],
    ],
  ]);
  check([
    [
      ['logger', 'cookie: --password foo'],
      ['logger', 'cookie: --password foo'],
    ],
  ]);
});
