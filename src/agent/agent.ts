// The running agent: collector, pipeline, listeners, and what they report about themselves.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { type ReadyJson, SCHEMA_VERSION, type StatusJson } from '../api/index.ts';
import { createMasker } from '../decode/index.ts';
import { CgroupRegistry, procCgroupReader } from '../identity/index.ts';
import { boottimeNs, realtimeNs } from '../kernel/index.ts';
import { type Closable, CognitodError, type Config } from '../lib/index.ts';
import { EventBus, ProcessTable } from '../model/index.ts';
import { type AgentView, type ApiServer, createApiServer, createOpsServer, type OpsServer } from '../serve/index.ts';
import { enrichSnapshot } from './enrich.ts';
import { Healer } from './healer.ts';
import { type OpenedCollector, openCollector } from './open-collector.ts';
import { Pipeline } from './pipeline.ts';
