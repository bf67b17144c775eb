// Answers for one process: by id or pid, and its ancestors and descendants.
import {
  type ProcessJson,
  type ProcessTreeAnswer,
  type ProcessTreeJson,
  SCHEMA_VERSION,
} from '../../api/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import type { ModelView, ProcessView } from '../../model/index.ts';
import { AnswerBudget } from './answer-budget.ts';
import { processJson } from '../../encode/index.ts';

/** Bounds of one answer. The depth keeps it well below what JSON parsers take. */
export const MAX_TREE_NODES = 10_000;
export const MAX_TREE_DEPTH = 1_000;

/**
 * The process with this public id, or the live one with this pid.
 *
 * @throws CognitodError NOT_FOUND
 */
export function findProcess(model: ModelView, id: string): ProcessView {
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
export function processTree(model: ModelView, process: ProcessView): ProcessTreeAnswer {
  const budget = new AnswerBudget();
  const above = ancestors(model, process, budget);
  const below = descendants(model, process, budget);
  return {
    schema_version: SCHEMA_VERSION,
    ancestors: above.ancestors,
    process: below.root,
    truncated: above.truncated || below.truncated,
  };
}

function ancestors(
  model: ModelView,
  process: ProcessView,
  budget: AnswerBudget,
): { ancestors: ProcessJson[]; truncated: boolean } {
  const seen = new Set([process]);
  const ancestors: ProcessJson[] = [];
  for (
    let next = model.parentOf(process);
    next !== undefined && !seen.has(next);
    next = model.parentOf(next)
  ) {
    const json = processJson(next, model);
    if (ancestors.length === MAX_TREE_DEPTH || !budget.takes(json)) return { ancestors, truncated: true };
    seen.add(next);
    ancestors.push(json);
  }
  return { ancestors, truncated: false };
}

function descendants(
  model: ModelView,
  process: ProcessView,
  budget: AnswerBudget,
): { root: ProcessTreeJson; truncated: boolean } {
  const root: ProcessTreeJson = { ...processJson(process, model), tree: [] };
  let level: { of: ProcessView; json: ProcessTreeJson }[] = [{ of: process, json: root }];
  let nodes = 1;
  for (let depth = 0; level.length > 0; depth++) {
    const deeper: typeof level = [];
    for (const { of, json } of level) {
      for (const child of of.children ?? []) {
        if (nodes === MAX_TREE_NODES || depth === MAX_TREE_DEPTH) return { root, truncated: true };
        nodes++;
        const childJson: ProcessTreeJson = { ...processJson(child, model), tree: [] };
        if (!budget.takes(childJson)) return { root, truncated: true };
        json.tree.push(childJson);
        deeper.push({ of: child, json: childJson });
      }
    }
    level = deeper;
  }
  return { root, truncated: false };
}
