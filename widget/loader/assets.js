// Assets that the first screen names: the build that it came from, and the texts of its language.
import { base } from './page.js';

/**
 * Calls `call` once for each key. A failure is forgotten, so that the next call tries again.
 * @template T
 * @param {(key: string, ...more: string[]) => Promise<T>} call
 * @param {Record<string, Promise<T>>} known
 * @returns {(key: string, ...more: string[]) => Promise<T>}
 */
const once = (call, known = {}) => (key, ...more) =>
  known[key] ??= call(key, ...more).catch((reason) => { delete known[key]; throw reason; });

/** Every build that runs on this page. @type {Set<Glue>} */
export const builds = new Set();

// A browser may cache the failure of an import for good, so the next try needs another URL.
let failures = '';

/** Loads the build of a first screen, by the paths of its glue and its WASM. */
export const load = once((glue, wasm) => import(base + glue + failures)
  .catch((reason) => { failures = `?${Date.now()}`; throw reason; })
  .then((module) => module.default({ module_or_path: base + wasm }).then(() => { builds.add(module); return module; })));

/** Loads the texts of a language, by their path. */
export const read = once((words) => fetch(base + words, { credentials: 'omit' })
  .then((answer) => answer.ok ? answer.text() : Promise.reject(new Error(String(answer.status)))));
