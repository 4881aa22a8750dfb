// @ts-check
// What an explanation of an image shows: its methods, the class that it is compared with, what the colors mean.

/** @typedef {import("../types.js").AttributionMethod} AttributionMethod */
/** @typedef {import("../types.js").Prediction} Prediction */

/**
 * Return the methods of these names, in their order; the first method where there is none.
 * @param {AttributionMethod[]} methods
 * @param {string[]} names
 */
export function chosenMethods(methods, names) {
  const chosen = methods.filter(({ name }) => names.includes(name));
  return chosen.length ? chosen : methods.slice(0, 1);
}

/**
 * Return the most probable class other than `unit`; null where there is none.
 * @param {Prediction[]} classes the most probable first
 * @param {number} unit
 */
export const runnerUp = (classes, unit) => classes.find(({ index }) => index !== unit) ?? null;

/**
 * Return what the colors of a heatmap mean.
 * @param {{ scale: number | null, lowest: number | null }} heatmap
 */
export function legendOf({ scale, lowest }) {
  if (!scale) return "The heatmap is zero everywhere.";
  return lowest !== null && lowest < 0
    ? "Signed: red raises the score, blue lowers it."
    : "No value is below zero: the redder, the larger.";
}
