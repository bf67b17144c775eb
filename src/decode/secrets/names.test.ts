// Secrets that a name gives away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SECRET_NAME_PIECES, SECRET_WORDS } from './names.ts';
import { check } from './testdata/masked.ts';

test('options with the name of a secret lose their value', () => {
  for (const name of [
    ...[
      'password',
      'passwd',
      'pass',
      'passphrase',
      'token',
      'secret',
      'api-key',
      'api_key',
      'apikey',
      'apiKey',
    ],
    ...[
      'client-secret',
      'access-key',
      'secret-access-key',
      'private-key',
      'db-password',
      'dbPassword',
      'DB_PASS',
    ],
    ...[
      'PASSWORD',
      'auth-token',
      'registry.token',
      'http-password',
      'oauth2-bearer',
      'token2',
      'TOKEN_90',
      'credentials',
    ],
    ...['admin_pass', 'keyStorePass', 'userPass', 'wifi-psk', 'dbpwd'],
  ]) {
    check([
      [
        ['app', `--${name}=hunter2`, '-x'],
        ['app', `--${name}=***`, '-x'],
      ],
      [
        ['app', `--${name}`, 'hunter2', '-x'],
        ['app', `--${name}`, '***', '-x'],
      ],
      [
        ['app', `-${name}`, 'hunter2', 'x'],
        ['app', `-${name}`, '***', 'x'],
      ],
      [
        ['app', `-D${name}=hunter2`],
        ['app', `-D${name}=***`],
      ],
      [
        ['app', `--set`, `a.${name}=hunter2`],
        ['app', '--set', `a.${name}=***`],
      ],
    ]);
  }
});

test('the value in the next argument may look like nearly anything', () => {
  check([
    ['app --password -Xk29z', 'app --password ***'],
    ['app --password a=b', 'app --password ***'],
    ['app --password https://host/', 'app --password ***'],
    [
      ['app', '--password', 'correct horse battery'],
      ['app', '--password', '***'],
    ],
    [
      ['app', '--password', '$ecret'],
      ['app', '--password', '***'],
    ],
    ['app --token --password hunter2', 'app --token --password ***'],
    ['app --password -v hunter2', 'app --password -v hunter2'],
    [
      ['app', '--password', '', 'x'],
      ['app', '--password', '', 'x'],
    ],
    ['app --password', 'app --password'],
    ['app x --password', 'app x --password'],
  ]);
});

test('names that only look like those of a secret keep their value', () => {
  for (const name of [
    'bypass',
    'BYPASS',
    'compass',
    'max-token',
    'next_token',
    'eos-token',
    'key',
    'tls-key',
    'sort-key',
    'x',
  ]) {
    check([[`app --${name}=abc --${name} abc`, `app --${name}=abc --${name} abc`]]);
  }
  for (const name of [
    'passwords-file',
    'token-ttl',
    'secret-name',
    'password-file',
    'access-key-id',
    'tokenizer',
  ]) {
    check([[`app --${name}=abc --${name} abc`, `app --${name}=abc --${name} abc`]]);
  }
  for (const value of ['true', 'False', 'no', 'none', '0'])
    check([[`app --password=${value}`, `app --password=${value}`]]);
  for (const name of ['no-password', 'ask-pass', 'with-token', 'use-token', 'prompt_password']) {
    check([[`app --${name} abc`, `app --${name} abc`]]);
  }
  check([
    [
      'app --private-key=/etc/x.pem --private-key ~/.ssh/id',
      'app --private-key=/etc/x.pem --private-key ~/.ssh/id',
    ],
    ['app --credentials gcp.json --pwd . --pwd=/srv', 'app --credentials gcp.json --pwd . --pwd=/srv'],
    // A password may begin with a slash, and AWS keys do.
    ['app --password=/run/x --secret-key /abc', 'app --password=*** --secret-key ***'],
  ]);
});

test('variables with the name of a secret lose their value', () => {
  for (const name of [
    ...[
      'PASSWORD',
      'DB_PASSWORD',
      'GITHUB_TOKEN',
      'CLIENT_SECRET',
      'AWS_SECRET_ACCESS_KEY',
      'API_KEY',
      'MYSQL_PWD',
    ],
    ...['STRIPE_KEY', 'ENCRYPTION_KEY', 'PGPASSWORD', 'SSHPASS', 'password', 'api_key', 'x.y.token'],
  ]) {
    check([
      [`env ${name}=hunter2 app`, `env ${name}=*** app`],
      [`docker run --env=${name}=hunter2 -e ${name}=a=b x`, `docker run --env=${name}=*** -e ${name}=*** x`],
      [
        ['env', `${name}=two words`, 'app'],
        ['env', `${name}=***`, 'app'],
      ],
    ]);
  }
  for (const name of [
    'KEY',
    'PUBLIC_KEY',
    'SSH_PUBLIC_KEY',
    'PRIMARY_KEY',
    'AWS_ACCESS_KEY_ID',
    'Sort_KEY',
    'MONKEY',
    'BYPASS',
  ]) {
    check([[`env ${name}=abc app`, `env ${name}=abc app`]]);
  }
  check([
    [
      'env TLS_KEY=/etc/a B_KEY=./b C_KEY=~/c D_KEY=d.pem',
      'env TLS_KEY=/etc/a B_KEY=./b C_KEY=~/c D_KEY=d.pem',
    ],
    ['curl -d user[password]=a%20b&x=y', 'curl -d user[password]=***&x=y'],
    ['pip install token==1.0', 'pip install token==1.0'],
    ['app ?=x =token= token=', 'app ?=x =token= token='],
  ]);
});

test('in a list only the value of the secret is masked', () => {
  check([
    ['mount -o user=bob,password=hunter2,vers=3 //h/s', 'mount -o user=bob,password=***,vers=3 //h/s'],
    ['app Server=x;Password=hunter2;Timeout=3', 'app Server=x;Password=***;Timeout=3'],
    ['app AccountName=a;AccountKey=ab==;Suffix=x', 'app AccountName=a;AccountKey=***;Suffix=x'],
    ['curl -d a=1&password=hunter2&b=2 h', 'curl -d a=1&password=***&b=2 h'],
    [
      ['psql', 'host=db password=hunter2 dbname=x'],
      ['psql', 'host=db password=*** dbname=x'],
    ],
    [
      ['psql', 'password=hunter2 host=db'],
      ['psql', 'password=*** host=db'],
    ],
    [
      ['psql', "host=db password='a b' dbname=x"],
      ['psql', 'host=db password=*** dbname=x'],
    ],
    [
      ['app', 'f({token=abc})'],
      ['app', 'f({token=***})'],
    ],
    [
      ['app', 'x("password=abc", 1)'],
      ['app', 'x("password=***", 1)'],
    ],
    [
      'npm config set //registry.npmjs.org/:_authToken=abc',
      'npm config set //registry.npmjs.org/:_authToken=***',
    ],
  ]);
});

test('each name of a secret has a piece by which scripts with it are found', () => {
  for (const { text } of SECRET_WORDS)
    assert.ok(
      SECRET_NAME_PIECES.some((piece) => text.includes(piece)),
      text,
    );
});
