// @ts-check
// A bounded cache of fetched values. A value that is fetched again stays visible until the new one arrives.
import { useEffect, useState } from "../lib/html.js";
import { getJson } from "./api.js";

/**
 * @template T
 * @typedef {import("../types.js").Resource<T>} Resource
 */
/** @typedef {(address: string) => Promise<any>} Reader */
/** @typedef {{ read: Reader, resource: Resource<any>, weight: number, generation: number, listeners: Set<() => void>,
 *   loading: Promise<void> }} Entry */

const MOST_BYTES = 96 * 2 ** 20;
const JSON_BYTES = 4096; // assumed for a value without bytes

/** @type {Map<string, Entry>} by address, the least recently used first */
const cache = new Map();
let totalBytes = 0;

/** @type {Resource<any>} */
const IDLE = { phase: "idle", value: undefined, error: null };

/**
 * Return the entry of an address, and fetch its value unless that has been done.
 * @param {string} address
 * @param {Reader} read
 */
function entryOf(address, read) {
  const entry = cache.get(address) ?? newEntry(address, read);
  cache.delete(address);
  cache.set(address, entry);
  return entry;
}

/** @param {string} address @param {Reader} read */
function newEntry(address, read) {
  /** @type {Entry} */
  const entry = {
    read,
    resource: { phase: "loading", value: undefined, error: null },
    weight: 0,
    generation: 0,
    listeners: new Set(),
    loading: Promise.resolve(),
  };
  load(address, entry);
  return entry;
}

/**
 * Return the resource at an address in a view, which is rendered again when it changes. A null address is not fetched.
 * @template [T=any]
 * @param {string | null} address
 * @param {Reader} [read]
 * @returns {Resource<T>}
 */
export function useResource(address, read = getJson) {
  const [, setChanges] = useState(0);
  useEffect(() => {
    if (!address) return undefined;
    const entry = entryOf(address, read);
    const listener = () => setChanges((changes) => changes + 1);
    entry.listeners.add(listener);
    listener();
    return () => {
      entry.listeners.delete(listener);
    };
  }, [address]);
  if (!address) return IDLE;
  return (cache.get(address) ?? entryOf(address, read)).resource;
}

/**
 * Return the value at an address, from the cache where it is there.
 * @param {string} address
 * @param {Reader} [read]
 */
export async function fetchResource(address, read = getJson) {
  const entry = entryOf(address, read);
  await entry.loading;
  if (entry.resource.error) throw entry.resource.error;
  return entry.resource.value;
}

/**
 * Store a value that has arrived in another way, as if it had been fetched from an address.
 * @param {string} address
 * @param {any} value
 */
export function provide(address, value) {
  const entry = cache.get(address) ?? newEntry(address, async () => value);
  cache.set(address, entry);
  entry.generation += 1; // a request under way is superseded
  settle(address, entry, { phase: "ready", value, error: null });
}

/**
 * Drop what no view uses, of the addresses that match.
 * @param {(address: string) => boolean} matches
 */
export function forget(matches) {
  for (const [address, entry] of [...cache]) {
    if (matches(address) && !entry.listeners.size) drop(address, entry);
  }
}

/**
 * Wait until everything that is being fetched, of the addresses that match, has arrived or failed.
 * @param {(address: string) => boolean} matches
 */
export const loaded = (matches) =>
  Promise.all([...cache].flatMap(([address, entry]) => (matches(address) ? entry.loading : [])));

/**
 * Fetch again what views use, and drop the rest, of the addresses that match.
 * @param {(address: string) => boolean} matches
 */
export function refresh(matches) {
  for (const [address, entry] of [...cache]) {
    if (!matches(address)) continue;
    if (entry.listeners.size) load(address, entry);
    else drop(address, entry);
  }
}

/** @param {string} address @param {Entry} entry */
function load(address, entry) {
  entry.generation += 1;
  const { generation } = entry;
  entry.loading = entry.read(address).then(
    (value) => {
      if (generation === entry.generation) settle(address, entry, { phase: "ready", value, error: null });
    },
    (error) => {
      if (generation !== entry.generation) return;
      settle(address, entry, { phase: "failed", value: entry.resource.value, error });
      if (!entry.listeners.size) drop(address, entry); // the next request tries again
    },
  );
}

/** @param {string} address @param {Entry} entry @param {Resource<any>} resource */
function settle(address, entry, resource) {
  entry.resource = resource;
  const weight = resource.error ? entry.weight : (resource.value?.bytes?.byteLength ?? 0) + JSON_BYTES;
  if (cache.get(address) === entry) totalBytes += weight - entry.weight;
  entry.weight = weight;
  for (const listener of [...entry.listeners]) listener();
  for (const [other, old] of cache) {
    if (totalBytes <= MOST_BYTES) break;
    if (!old.listeners.size && other !== address) drop(other, old);
  }
}

/** @param {string} address @param {Entry} entry */
function drop(address, entry) {
  if (cache.get(address) !== entry) return;
  cache.delete(address);
  totalBytes -= entry.weight;
}
