// @ts-check
// Units that are ablated or boosted: the link lists them, and every pass of the network takes them into account.
import { indexNetwork } from "./network_index.js";
import { MOST_CHANGES, go, route } from "./routing.js";
import { app, showMessage } from "./store.js";

/** @typedef {import("../types.js").UnitChange} UnitChange */

/** What the output of a unit is multiplied by; + and − move along these. */
const FACTORS = [0, 0.25, 0.5, 1, 2, 4, 8, 16];

/**
 * Return what the output of a unit is multiplied by.
 * @param {UnitChange[]} changes
 * @param {string} layer its name
 * @param {number} unit
 */
export const factorOf = (changes, layer, unit) =>
  changes.find((each) => each.layer === layer && each.unit === unit)?.factor ?? 1;

/**
 * Return the factor that is next to a factor in a direction; the last one stays.
 * @param {number} factor
 * @param {1 | -1} direction
 */
export function nextFactor(factor, direction) {
  const further = FACTORS.filter((each) => direction * (each - factor) > 0);
  return (direction > 0 ? further[0] : further.at(-1)) ?? factor;
}

/**
 * Return the changes in words: "conv6:12 ablated, conv4:3 × 2".
 * @param {UnitChange[]} changes
 */
export const changesText = (changes) =>
  changes
    .map(({ layer, unit, factor }) => `${layer}:${unit} ${factor === 0 ? "ablated" : `× ${factor}`}`)
    .join(", ");

/** Return the changes as the server's addresses list them, by the ids of the layers; "" for none. */
export function changeQuery() {
  const { byName } = indexNetwork(app.get().network);
  return route
    .get()
    .changes.map(({ layer, unit, factor }) => `${byName.get(layer)?.id ?? layer}:${unit}:${factor}`)
    .join(",");
}

/**
 * Multiply the output of a unit by a factor: 0 ablates it, 1 undoes its change.
 * @param {string} layer its name
 * @param {number} unit
 * @param {number} factor
 */
export function setFactor(layer, unit, factor) {
  const others = route.get().changes.filter((each) => each.layer !== layer || each.unit !== unit);
  if (factor !== 1 && others.length >= MOST_CHANGES) {
    showMessage(`${MOST_CHANGES} units are changed already; undo some first.`, true);
    return;
  }
  go({ changes: factor === 1 ? others : [...others, { layer, unit, factor }] });
}

/**
 * Ablate a unit, or undo that.
 * @param {string} layer its name
 * @param {number} unit
 */
export const toggleAblated = (layer, unit) =>
  setFactor(layer, unit, factorOf(route.get().changes, layer, unit) === 0 ? 1 : 0);

export const undoChanges = () => go({ changes: [] });
