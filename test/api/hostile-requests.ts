// Requests that nobody should send, made from the table of routes: for every route, everything that can be wrong.
import fc from 'fast-check';
import {
  type JsonSchema,
  type OpenApiParameter,
  openApiDocument,
  type RouteContract,
  compatRoutes,
  routes,
} from '../../src/api/index.ts';

export interface HostileRequest {
  /** For the socket, as latin1 text. */
  readonly bytes: string;
  readonly method: string;
  /** Whether the route that it aims at may answer 503. */
  readonly unavailable: boolean;
  /** Whether the connection may be closed without an answer: a tunnel, or bytes that belong to no request. */
  readonly unanswerable: boolean;
}

const METHODS = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'],
  ...['PROPFIND', 'QUERY', 'M-SEARCH', 'FOO', 'get', 'GET\t', ''],
];

const digits = fc.integer({ min: 1, max: 400 }).map((length) => '9'.repeat(length));

/** Values that have broken servers before. */
const hostileText = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      ' ',
      '0',
      '-1',
      '1e9',
      '0x10',
      'NaN',
      'Infinity',
      '1.5',
      '+1',
      '00000000000000001',
      'null',
      'true',
    ],
    ...[
      '__proto__',
      'constructor',
      'toString',
      '../../etc/passwd',
      '..%2f..%2f',
      '%00',
      '\u0000',
      '\r\nx: y',
    ],
    ...['*', "';--", '$(id)', '{{7*7}}', '<script>', '[object Object]', '\ud800', '\u202e', 'é', '😀'],
  ),
  digits,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(100, 101, 1_000, 9_000).map((length) => 'a'.repeat(length)),
);

/** What the schema takes, and what it just does not. */
function fittingText({
  type,
  enum: values,
  format,
  minimum,
  maximum,
  maxLength,
}: JsonSchema): fc.Arbitrary<string> {
  if (values !== undefined)
    return fc.constantFrom(...values.flatMap((value) => [String(value), `${value}s`]));
  if (type === 'integer') {
    const [min, max] = [Number(minimum ?? -1), Number(maximum ?? 2 ** 53)];
    return fc
      .oneof(fc.integer({ min: min - 1, max: max + 1 }), fc.constantFrom(min - 1, min, max, max + 1))
      .map(String);
  }
  if (format === 'date-time') {
    const day = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    return fc
      .tuple(day, fc.constantFrom('', 'Z', '+02:00', '.5'))
      .map(([text, end]) => text.replace(/Z$/, end));
  }
  const most = Number(maxLength ?? 300);
  const letters = fc.constantFrom(most - 1, most, most + 1).map((length) => 'a'.repeat(length));
  const list = fc.array(fc.constantFrom('fork', 'exec', 'exit', 'move', ''), { maxLength: 9 }).map(String);
  return fc.oneof(fc.string({ maxLength: 20 }), fc.stringMatching(/^[0-9a-f]{0,8}-\d{0,17}$/), letters, list);
}

const encoded = fc.constantFrom<(text: string) => string>(
  (text) => encodeURIComponent(text.toWellFormed()),
  // Encoded twice, half, or not at all.
  (text) => encodeURIComponent(encodeURIComponent(text.toWellFormed())),
  (text) => text.replaceAll(/[^\x21-\x7e]/g, '%'),
  (text) => Buffer.from(text).toString('latin1'),
  (text) => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16)}`).join(''),
);

function pair(parameters: readonly OpenApiParameter[]): fc.Arbitrary<string> {
  const known = parameters.map(({ name, schema }) =>
    fc.tuple(fc.constant(name), fc.oneof(fittingText(schema), hostileText)),
  );
  const unknown = fc.tuple(hostileText, hostileText);
  return fc
    .tuple(encoded, fc.oneof(...known, unknown), fc.constantFrom('=', '=', '=', '', '[]=', '[a]=', '=='))
    .map(([encode, [name, value], sign]) => `${encode(name)}${sign}${encode(value)}`);
}

function query(parameters: readonly OpenApiParameter[]): fc.Arbitrary<string> {
  const pairs = fc.array(pair(parameters), { maxLength: 4 });
  const repeated = fc
    .tuple(pair(parameters), fc.integer({ min: 2, max: 300 }))
    .map(([one, n]) => Array(n).fill(one));
  return fc
    .tuple(
      fc.oneof({ weight: 5, arbitrary: pairs }, { weight: 1, arbitrary: repeated }),
      fc.constantFrom('&', '&&', ';'),
    )
    .map(([parts, separator]) => (parts.length === 0 ? '' : `?${parts.join(separator)}`));
}

const HOSTS = [
  'localhost',
  '127.0.0.1:3000',
  'evil.example',
  '[::1]',
  'localhost:99999',
  '',
  'a'.repeat(300),
];

const header = fc.oneof(
  fc.constantFrom(
    ...[
      'Connection: keep-alive',
      'Connection: upgrade\r\nUpgrade: websocket',
      'Upgrade: h2c',
      'Expect: 100-continue',
    ],
    ...[
      'Expect: x',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: gzip',
      'Content-Length: 5',
      'Content-Length: -1',
    ],
    ...[
      'Content-Length: 99999999999',
      'Content-Encoding: gzip',
      'Accept: text/html',
      'Accept-Encoding: br;q=x',
    ],
    ...[
      'Range: bytes=0-0',
      'If-None-Match: *',
      'Last-Event-ID: x',
      'X-HTTP-Method-Override: DELETE',
      'Cookie: a',
    ],
    ...[
      'Authorization: Bearer',
      'Authorization: Basic x:y',
      'Origin: null',
      'Sec-Fetch-Site: cross-site',
      'TE: trailers',
    ],
    ...[
      'Content-Type: application/json',
      'Content-Type: multipart/form-data',
      'Content-Type: x',
      ' folded: x',
      'no colon',
    ],
  ),
  fc.tuple(fc.constantFrom('Last-Event-ID', 'Content-Type', 'Authorization', 'X-A'), hostileText).map(
    ([name, value]) =>
      `${name}: ${Buffer.from(value)
        .toString('latin1')
        .replaceAll(/[\r\n]/g, '')}`,
  ),
  fc.integer({ min: 1, max: 3_000 }).map((count) => Array(count).fill('X-B: 1').join('\r\n')),
);

const body = fc.oneof(
  fc.constantFrom('{"a":1', '{}', '5\r\nhello\r\n0\r\n\r\n', 'zz\r\n', '{"__proto__":{"x":1}}', 'a=b'),
  fc.integer({ min: 1, max: 300_000 }).map((length) => 'b'.repeat(length)),
);

const { paths } = openApiDocument({ ...routes, ...compatRoutes });
const parametersOf = ({ path, method }: RouteContract) =>
  paths[path.replaceAll(/:(\w+)/g, '{$1}')]![method.toLowerCase()]!.parameters.filter(
    (entry) => entry.in === 'query',
  );

/** Mostly what is right, so that one wrong thing does not hide the others. */
const mostly = <T>(right: T, wrong: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: wrong });

const id = fc.tuple(encoded, hostileText).map(([encode, text]) => encode(text));

/** One request. `ids` are ids of processes that exist. */
export function hostileRequest(ids: readonly string[]): fc.Arbitrary<HostileRequest> {
  return fc.oneof(
    ...Object.values<RouteContract>({ ...routes, ...compatRoutes }).map((contract) =>
      requestTo(contract, ids),
    ),
  );
}

function requestTo(contract: RouteContract, ids: readonly string[]): fc.Arbitrary<HostileRequest> {
  return fc
    .tuple(
      mostly<string>(contract.method, fc.constantFrom(...METHODS)),
      fc.oneof(fc.constantFrom(...ids), id).map((text) => contract.path.replaceAll(/:\w+/g, () => text)),
      mostly('', fc.constantFrom('/', '//', '/.', '#x', '.json', '%', '\\')),
      query(parametersOf(contract)),
      mostly('HTTP/1.1', fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'XTTP/1.1', '')),
      mostly('localhost', fc.constantFrom(...HOSTS)),
      mostly<string[]>([], fc.array(header, { minLength: 1, maxLength: 3 })),
      mostly('', body),
    )
    .map(([method, path, end, search, version, host, headers, content]) => {
      const lines = [`${method} ${path}${end}${search} ${version}`, `Host: ${host}`, ...headers, '', content];
      return {
        bytes: Buffer.from(lines.join('\r\n')).toString('latin1'),
        method,
        unavailable: contract.stream || contract.otherAnswers !== undefined,
        unanswerable: method === 'CONNECT' || headers.length > 0 || content !== '',
      };
    });
}
