// What was fetched once is kept, within bounds, and shown while it is fetched again.
import { get } from "./api.js";
import { useEffect, useState } from "../lib/html.js";

const LIMIT = 96 * 2 ** 20; // bytes of everything kept; a JSON answer counts as one kilobyte a thousand letters or so
const kept = new Map(); // address -> entry, the least recently used first
let weight = 0;

const NOTHING = { phase: "idle", value: undefined, error: null };

/** Return what is known of an address, and fetch it unless it is under way: {phase, value, error}. */
export function wanted(address, read = get) {
  let entry = kept.get(address);
  if (entry) {
    kept.delete(address);
  } else {
    entry = { read, view: { phase: "loading", value: undefined, error: null }, weight: 0, listeners: new Set() };
    load(address, entry);
  }
  kept.set(address, entry);
  return entry.view;
}

/** As `wanted`, in a view that is drawn again when it changes; nothing is fetched for a null address. */
export function useResource(address, read = get) {
  const [, draw] = useState(0);
  useEffect(() => {
    if (!address) return undefined;
    wanted(address, read);
    const entry = kept.get(address);
    const listener = () => draw((count) => count + 1);
    entry.listeners.add(listener);
    listener();
    return () => entry.listeners.delete(listener);
  }, [address]);
  return address ? (kept.get(address)?.view ?? wanted(address, read)) : NOTHING;
}

/** Return a promise of the value at an address, from what is kept where it is there. */
export function valueOf(address, read = get) {
  wanted(address, read);
  const entry = kept.get(address);
  return entry.promise.then(() => {
    if (entry.view.error) throw entry.view.error;
    return entry.view.value;
  });
}

/** Fetch again what is on the page, and drop the rest, of the addresses that fit. */
export function refresh(fits) {
  for (const [address, entry] of [...kept]) {
    if (!fits(address)) continue;
    if (entry.listeners.size) load(address, entry);
    else drop(address, entry);
  }
}

function load(address, entry) {
  const turn = (entry.turn = (entry.turn ?? 0) + 1);
  entry.promise = entry.read(address).then(
    (value) => turn === entry.turn && settle(address, entry, { phase: "ready", value, error: null }, sizeOf(value)),
    (error) => {
      if (turn !== entry.turn) return;
      settle(address, entry, { phase: "failed", value: entry.view.value, error }, entry.weight);
      if (!entry.listeners.size) drop(address, entry); // an error is not kept: asked again, it is tried again
    },
  );
}

function settle(address, entry, view, size) {
  entry.view = view;
  if (kept.get(address) === entry) weight += size - entry.weight;
  entry.weight = size;
  for (const listener of [...entry.listeners]) listener();
  for (const [other, old] of kept) {
    if (weight <= LIMIT) break;
    if (!old.listeners.size && other !== address) drop(other, old);
  }
}

function drop(address, entry) {
  if (kept.get(address) === entry) {
    kept.delete(address);
    weight -= entry.weight;
  }
}

const sizeOf = (value) => (value?.bytes?.byteLength ?? 0) + 4096;
