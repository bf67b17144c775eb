// Sends hostile requests to an agent and judges what comes back.
import { connect } from 'node:net';
import fc from 'fast-check';
import { MAX_ANSWER_BYTES, problemSchema } from '../../src/api/index.ts';
import { type HostileRequest, hostileRequest } from './hostile-requests.ts';

/** The body of an answer, and what is before it. */
const MAX_BYTES = MAX_ANSWER_BYTES + 4_096;
/** An answer that takes longer is none. */
/** Of Node's HTTP server. */
const MAX_HEAD_BYTES = 16 * 1024;
const TIMEOUT_MS = 20_000;
/** After which a request that was not answered is taken for one that is not whole. */
const PATIENCE_MS = 1_000;

export interface Target {
  readonly port: number;
  readonly ids: readonly string[];
  readonly runs: number;
}

/** How many requests got which status; 0 is a connection that was closed without an answer. */
export type Tally = Map<number, number>;

/** Fails with the smallest request whose answer is wrong. */
export async function fuzz({ port, ids, runs }: Target): Promise<Tally> {
  const tally: Tally = new Map();
  await fc.assert(
    fc.asyncProperty(hostileRequest(ids), async (request) => {
      const answer = withoutContinue(await exchange(port, request.bytes));
      const status = statusOf(answer);
      tally.set(status, (tally.get(status) ?? 0) + 1);
      const wrong = judge(request, answer);
      if (wrong !== null) throw new Error(`${wrong}: ${answer.slice(0, 500).toString('latin1')}`);
    }),
    { numRuns: runs },
  );
  return tally;
}

const statusOf = (answer: Buffer) =>
  Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer.toString('latin1', 0, 32))?.[1] ?? 0);

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

function withoutContinue(answer: Buffer): Buffer {
  return answer.indexOf(CONTINUE) === 0 ? answer.subarray(CONTINUE.length) : answer;
}

/** What is wrong with an answer; null when nothing is. */
function judge({ bytes, method, unavailable, unanswerable }: HostileRequest, answer: Buffer): string | null {
  if (answer.length > MAX_BYTES) return `more than ${MAX_BYTES} bytes`;
  // A server that closes before it has read a head that is too large resets the connection, with its answer.
  if (answer.length === 0) return unanswerable || bytes.length > MAX_HEAD_BYTES ? null : 'no answer';
  const text = answer.toString();
  const [head, ...rest] = text.split('\r\n\r\n');
  const content = rest.join('\r\n\r\n');
  const status = statusOf(answer);
  if (status === 0) return 'no HTTP';
  if (/\sat .+\.[jt]s:\d/.test(text)) return 'a stack';
  if (status >= 500 && !(status === 503 && unavailable)) {
    return `status ${status}`;
  }
  if (status < 400 || status === 503 || method === 'HEAD') return null;
  if (!/^content-type: application\/problem\+json/im.test(head!)) return 'no problem document';
  const problem = problemSchema.strict().safeParse(JSON.parse(firstDocument(content)));
  if (!problem.success) return `not as published: ${problem.error.message}`;
  return problem.data.status === status ? null : `a problem with status ${problem.data.status}`;
}

/** What follows on the same connection is the answer to what looked like a second request. */
function firstDocument(content: string): string {
  const end = content.indexOf('}HTTP/1.1');
  return end === -1 ? content : content.slice(0, end + 1);
}

/** Sends bytes and the end of them; the answer, or as much of it as is needed to judge. */
function exchange(port: number, bytes: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect(port, '127.0.0.1');
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer within ${TIMEOUT_MS} ms`));
    }, TIMEOUT_MS);
    // Node takes the end of what a client sends for the end of its interest, and an answer may take its time.
    const patience = setTimeout(() => socket.end(), PATIENCE_MS);
    const finish = () => {
      clearTimeout(timer);
      clearTimeout(patience);
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      socket.end();
      // A stream has no end.
      const isStream = /^content-type: text\/event-stream/im.test(chunks[0]!.toString('latin1', 0, 1_000));
      if (length > MAX_BYTES || (isStream && length > 100)) finish();
    });
    // A server that closes before it has read everything resets the connection.
    socket.on('error', finish).on('close', finish);
    socket.write(bytes, 'latin1');
  });
}
