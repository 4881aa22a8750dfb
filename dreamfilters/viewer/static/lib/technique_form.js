// @ts-check
// The form of a technique: what is entered at first, what it sends, and what it offers for each argument.

/** @typedef {import("../types.js").Layer} Layer */
/** @typedef {import("../types.js").TechniqueArgument} TechniqueArgument */
/** @typedef {import("../types.js").TechniqueForm} TechniqueForm */
/** @typedef {import("../types.js").TechniqueValue} TechniqueValue */
/** @typedef {Record<string, string | string[]>} Entered the text or the chosen layers of each argument */

const NUMBERS = ["integer", "number"];
const LISTS = ["layers", "maps"];
const ONE_LAYER = ["layer", "kernels", "layer-target"];

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
 * Return what is entered at first on the page of a layer: that layer, where the technique needs one and can take it. Of
 * kernels it is otherwise those of the first layer that has any.
 * @param {TechniqueForm} form
 * @param {Layer | undefined} open the layer that is shown
 * @param {Layer[]} layers
 * @param {string | null} classLayer the id of the layer of classes
 * @returns {Entered}
 */
export function startAt(form, open, layers, classLayer) {
  const argument = layerArgument(form);
  if (!argument) return startOf(form);
  const offered = layersFor(layers, argument.kind, classLayer);
  const first = argument.kind === "kernels" ? offered[0]?.id : undefined;
  const chosen = offered.find(({ id }) => id === open?.id)?.id ?? first ?? "";
  return { ...startOf(form), [argument.name]: chosen };
}

/** Return the layer that a technique needs; undefined for none. @param {TechniqueForm} form */
export const layerArgument = (form) =>
  form.arguments.find(({ required, kind }) => required && ONE_LAYER.includes(kind));

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
 * Return the layers that an argument can name: those whose units depend on the image, for "maps" with positions, for
 * "kernels" convolutions.
 * @param {Layer[]} layers
 * @param {TechniqueArgument["kind"]} kind
 * @param {string | null} classLayer the id of the layer of classes
 */
export const layersFor = (layers, kind, classLayer) =>
  layers.filter(
    ({ id, dreamable, kernels, kind: values }) =>
      id !== classLayer &&
      (kind === "kernels" ? kernels : dreamable && (kind !== "maps" || values === "map" || values === "tokens")),
  );
