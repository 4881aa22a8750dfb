// @ts-check
// The page's state: stores of values, whose views are rendered again when the part that they use changes.
import { useEffect, useState } from "../lib/html.js";

/** @typedef {import("../types.js").AppState} AppState */

/**
 * Return a store: `get` its values, `set` some of them, `watch` every change, and `use` a part of them in a view.
 * @template {object} T
 * @param {T} initial
 */
export function createStore(initial) {
  let values = initial;
  /** @type {Set<() => void>} */
  const listeners = new Set();
  const get = () => values;
  /** @param {Partial<T>} changes */
  const set = (changes) => {
    values = { ...values, ...changes };
    for (const listener of [...listeners]) listener();
  };
  /** @param {() => void} listener @returns {() => void} */
  const watch = (listener) => {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  };
  /**
   * @template P
   * @param {(values: T) => P} select
   * @returns {P}
   */
  const use = (select) => {
    const [, setChanges] = useState(0);
    const selected = select(values);
    useEffect(() => {
      let rendered = selected;
      const update = () => {
        const next = select(values);
        if (Object.is(rendered, next)) return;
        rendered = next;
        setChanges((changes) => changes + 1);
      };
      update(); // the values may have changed since the view was rendered
      return watch(update);
    });
    return selected;
  };
  return { get, set, watch, use };
}

/** What the server has sent, and what the page stores in addition to the link. */
export const app = createStore(
  /** @type {AppState} */ ({
    phase: "starting",
    note: "",
    connection: "opening",
    network: null,
    images: [],
    recipes: [],
    default_recipe: "",
    class_recipe: "",
    evidence: { phase: "none", done: 0, total: 0, note: "" },
    accuracy: null,
    form_search: { phase: "none", share: 0, note: "", result: null },
    jobs: {},
    embeddings: [],
    embedMethod: "",
    trust: {},
    command: "",
    python: "",
    version: "",
    dreams: {},
    endedDreams: 0,
    dreamVersions: {},
    selectedDream: null,
    pinned: [],
    message: null,
  }),
);

/**
 * How images are explained: whether they are, by which methods (none: by the first), against the runner-up or not; and
 * the seconds that the measures of trust took last for each method.
 */
export const explanation = createStore({
  open: false,
  methods: /** @type {string[]} */ ([]),
  compared: true,
  backward: "", // the method of the backward pass on the page of a unit, "" for none
  drawn: "", // what is drawn of it, "" for the heatmap over the image
  seconds: /** @type {Record<string, number>} */ ({}),
});

/** What is entered in the form of each technique, by its name. */
export const techniqueForms = createStore(
  /** @type {Record<string, import("../lib/technique_form.js").Entered>} */ ({}),
);

/** Which images are listed, and in which order: see `image_filter.js`. */
export const imageFilter = createStore({ label: "", wrong: false, unsure: false });

/** The position under the pointer. */
export const pointer = createStore({ at: /** @type {import("../types.js").PointerPosition | null} */ (null) });

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * Show a message at the bottom of the page for some seconds.
 * @param {string} text
 * @param {boolean} [bad] whether it reports a failure
 */
export function showMessage(text, bad = false) {
  clearTimeout(timer);
  app.set({ message: { text, bad } });
  timer = setTimeout(() => app.set({ message: null }), bad ? 8000 : 3500);
}
