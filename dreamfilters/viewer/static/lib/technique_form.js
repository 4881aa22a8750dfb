// @ts-check
// The form of a technique: what is entered at first, what it sends, and what it offers for each argument.

/** @typedef {import("../types.js").Layer} Layer */
/** @typedef {import("../types.js").TechniqueArgument} TechniqueArgument */
/** @typedef {import("../types.js").TechniqueForm} TechniqueForm */
/** @typedef {import("../types.js").TechniqueValue} TechniqueValue */
/** @typedef {Record<string, string | string[]>} Entered the text or the chosen layers of each argument */

const NUMBERS = ["integer", "number"];
const LISTS = ["layers", "maps"];

/**
 * Return what is entered at first: the defaults, and nothing where the technique chooses.
 * @param {TechniqueForm} form
 * @returns {Entered}
 */
export const startOf = (form) =>
  Object.fromEntries(
    form.arguments.map(({ name, kind, default: value }) => [name, LISTS.includes(kind) ? [] : String(value ?? "")]),
  );

/**
 * Return the values that a form sends: those that are entered and differ from the default.
 * @param {TechniqueForm} form
 * @param {Entered} entered
 * @returns {Record<string, TechniqueValue>}
 */
export function valuesOf(form, entered) {
  const first = startOf(form);
  const given = form.arguments.filter(({ name }) => entered[name]?.length && entered[name] !== first[name]);
  return Object.fromEntries(
    given.map(({ name, kind }) => [name, NUMBERS.includes(kind) ? Number(entered[name]) : entered[name]]),
  );
}

/**
 * Return the first argument that a form requires and that has no value yet.
 * @param {TechniqueForm} form
 * @param {Entered} entered
 */
export const missingOf = (form, entered) =>
  form.arguments.find(({ name, required }) => required && !entered[name]?.length) ?? null;

/**
 * Return the layers that an argument can name: those whose units depend on the image, for "maps" with positions.
 * @param {Layer[]} layers
 * @param {TechniqueArgument["kind"]} kind
 * @param {string | null} classLayer the id of the layer of classes
 */
export const layersFor = (layers, kind, classLayer) =>
  layers.filter(
    ({ id, dreamable, kind: values }) =>
      dreamable && id !== classLayer && (kind !== "maps" || values === "map" || values === "tokens"),
  );
