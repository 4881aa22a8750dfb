// One place for what the page knows; who asks for a part of it is told when that part changes.
import { useEffect, useState } from "../lib/html.js";

/** Return a store of values: `get`, `set` of some of them, and `use` in a view, which takes a part out of it. */
export function store(start) {
  let values = start;
  const listeners = new Set();
  const get = () => values;
  const set = (changes) => {
    values = { ...values, ...(typeof changes === "function" ? changes(values) : changes) };
    for (const listener of [...listeners]) listener();
  };
  const watch = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const use = (part) => {
    const [, draw] = useState(0);
    const now = part(values);
    useEffect(() => {
      let seen = now;
      const look = () => {
        const next = part(values);
        if (!Object.is(seen, next)) {
          seen = next;
          draw((count) => count + 1);
        }
      };
      look(); // it may have changed between drawing and this
      return watch(look);
    });
    return now;
  };
  return { get, set, watch, use };
}

/** What the server has told. */
export const app = store({
  phase: "starting", // of the server: starting, ready, failed, restarting
  note: "",
  connection: "opening", // opening, open, lost
  network: null,
  images: [],
  recipes: [],
  default_recipe: "",
  class_recipe: "",
  evidence: { phase: "none", done: 0, total: 0, note: "" },
  command: "",
  python: "",
  version: "",
  dreams: {}, // by id
  dreamt: 0, // how many dreams have ended: the version of the layers' sheets of dreams
  picked: null, // the id of the dream that was chosen last
  pinned: [], // [{layer, unit}] to compare
  message: null, // {text, bad}: the last word to the person
});

/** Where the pointer is: {layer, unit, image, row, column, height, width, value, field} or null. */
export const pointer = store({ at: null });

let timer;

/** Say a line at the bottom of the page for a while. */
export function say(text, bad = false) {
  clearTimeout(timer);
  app.set({ message: { text, bad } });
  timer = setTimeout(() => app.set({ message: null }), bad ? 8000 : 3500);
}
