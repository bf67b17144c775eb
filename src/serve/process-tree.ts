// Answers for one process: by id or pid, and its ancestors and descendants.
import { type ProcessTreeAnswer, type ProcessTreeJson, SCHEMA_VERSION } from '../api/index.ts';
import { CognitodError } from '../lib/errors.ts';
import type { ModelView, Process } from '../model/index.ts';
import { processJson } from './process-json.ts';

/** Bounds of one answer. The depth keeps it well below what JSON parsers take. */
export const MAX_TREE_NODES = 10_000;
export const MAX_TREE_DEPTH = 1_000;

/**
 * The process with this public id, or the live one with this pid.
 *
 * @throws CognitodError NOT_FOUND
 */
export function findProcess(model: ModelView, id: string): Process {
  const isPid = /^\d{1,10}$/.test(id);
  const process = isPid ? model.byPid(Number(id)) : model.byProcessId(id);
  if (process !== undefined) return process;
  throw new CognitodError(
    'NOT_FOUND',
    isPid
      ? `there is no live process with pid ${id}; one that has exited is found by its process id`
      : 'there is no process with this id, or it has exited too long ago to be kept',
  );
}

/** Ancestors up to the root, and descendants breadth first, so that a cut takes the deepest. */
export function processTree(model: ModelView, process: Process): ProcessTreeAnswer {
  const above = ancestors(model, process);
  const below = descendants(model, process);
  return {
    schema_version: SCHEMA_VERSION,
    ancestors: above.processes.map((ancestor) => processJson(ancestor, model)),
    process: below.root,
    truncated: above.truncated || below.truncated,
  };
}

function ancestors(model: ModelView, process: Process): { processes: Process[]; truncated: boolean } {
  const seen = new Set([process]);
  let next = model.parentOf(process);
  while (next !== undefined && !seen.has(next) && seen.size <= MAX_TREE_DEPTH) {
    seen.add(next);
    next = model.parentOf(next);
  }
  const processes = [...seen].slice(1);
  return { processes, truncated: next !== undefined && !seen.has(next) };
}

function descendants(model: ModelView, process: Process): { root: ProcessTreeJson; truncated: boolean } {
  const root: ProcessTreeJson = { ...processJson(process, model), tree: [] };
  let level: { of: Process; json: ProcessTreeJson }[] = [{ of: process, json: root }];
  let nodes = 1;
  for (let depth = 0; level.length > 0; depth++) {
    const deeper: typeof level = [];
    for (const { of, json } of level) {
      for (const child of of.children ?? []) {
        if (nodes === MAX_TREE_NODES || depth === MAX_TREE_DEPTH) return { root, truncated: true };
        nodes++;
        const childJson: ProcessTreeJson = { ...processJson(child, model), tree: [] };
        json.tree.push(childJson);
        deeper.push({ of: child, json: childJson });
      }
    }
    level = deeper;
  }
  return { root, truncated: false };
}
