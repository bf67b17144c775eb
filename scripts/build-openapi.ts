// `make openapi`: writes docs/api/openapi.json, the contract as it was published; refuses to break it unnoticed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenApiJson, openApiDocument } from '../src/api/index.ts';
import { type Changes, compareContracts } from './api-contract.ts';

export const CONTRACT_FILE = join(import.meta.dirname, '../docs/api/openapi.json');

export const contractText = (document: OpenApiJson): string => `${JSON.stringify(document, null, 1)}\n`;

/** Null when the contract may be published. A raised version is a new contract: it may change what it likes. */
export function whyNot(before: OpenApiJson, now: OpenApiJson, { breaking }: Changes): string | null {
  if (breaking.length === 0 || Number(now.info.version) > Number(before.info.version)) return null;
  return `the published API would change under its clients:
${breaking.map((text) => `  ${text}`).join('\n')}
Bring it back, or raise SCHEMA_VERSION in src/api/event.ts, tell it in docs/api.md, and run \`make openapi\`.`;
}

if (import.meta.main) {
  const now = openApiDocument();
  if (existsSync(CONTRACT_FILE)) {
    const before = JSON.parse(readFileSync(CONTRACT_FILE, 'utf8')) as OpenApiJson;
    const changes = compareContracts(before, now);
    const reason = whyNot(before, now, changes);
    if (reason !== null) {
      console.error(reason);
      process.exit(1);
    }
    for (const text of [...changes.breaking, ...changes.additions]) console.log(text);
  }
  writeFileSync(CONTRACT_FILE, contractText(now));
}
