// The API: where it listens, and who may ask.
import { z } from 'zod';
import { flag, integer, list, listen, optional, path } from './values.ts';

const tls = z
  .strictObject({
    cert_file: optional(path)
      .default(null)
      .describe(
        'PEM file with the certificate and its chain: the API is https; it may change while the agent runs',
      ),
    key_file: optional(path).default(null).describe('PEM file with its private key'),
    client_ca_file: optional(path)
      .default(null)
      .describe('PEM file with the authorities of client certificates: who shows one may look'),
    admin_names: list(z.string('must be a name').min(1, 'must be a name').max(512))
      .default([])
      .describe('names (CN or alternative names) of client certificates that may do everything'),
  })
  .superRefine(({ cert_file: cert, key_file: key, client_ca_file: authority }, context) => {
    const lacks = (name: string, why: string) =>
      context.addIssue({ code: 'custom', path: [name], message: `is missing: ${why}` });
    if (cert !== null && key === null) lacks('key_file', 'a certificate is of use only with its key');
    if (cert === null && key !== null) lacks('cert_file', 'a key is of use only with its certificate');
    if (cert === null && key === null && authority !== null)
      lacks('cert_file', 'without TLS no client can show a certificate');
  });

export const api = z
  .strictObject({
    listen: listen
      .prefault('127.0.0.1:3000')
      .describe('address of the API; outside loopback it needs a token'),
    token_file: optional(path)
      .default(null)
      .describe('file with the token of who may look; it may change while the agent runs'),
    token: optional(z.string().max(4096)).default(null).describe('this token itself; a file is better'),
    admin_token_file: optional(path)
      .default(null)
      .describe('file with the token of who may do everything, likewise'),
    admin_token: optional(z.string().max(4096)).default(null).describe('that token itself; a file is better'),
    socket: optional(path)
      .default(null)
      .describe('path of a Unix socket for the API too; root and the user of the agent may do everything'),
    rate_limit: integer(0, 1_000_000)
      .default(200)
      .describe('requests per second of one peer in the long run; 0: no limit'),
    rate_burst: integer(1, 1_000_000).default(400).describe('requests of one peer at once'),
    tls: tls.prefault({}),
    access_log: flag
      .default(true)
      .describe('a line in the log for each request: who, what, answer; no tokens, no values of queries'),
  })
  .superRefine(({ token, admin_token: admin }, context) => {
    if (token !== null && token === admin)
      context.addIssue({
        code: 'custom',
        path: ['admin_token'],
        message: 'is the same as api.token: whoever may look could do everything',
      });
  });
