// @ts-check
// What an explanation of an image shows: its methods, the class that it is compared with, the scale of a heatmap.
import { formatNumber } from "../lib/number_format.js";
import { inputId } from "./api.js";

/** @typedef {import("../types.js").AttributionMethod} AttributionMethod */
/** @typedef {import("../types.js").Prediction} Prediction */

/**
 * Return the methods of these names, in their order; those that are shown without a choice where there is none.
 * @param {AttributionMethod[]} methods
 * @param {string[]} names
 */
export function chosenMethods(methods, names) {
  const chosen = methods.filter(({ name }) => names.includes(name));
  return chosen.length ? chosen : methods.filter(({ shown }) => shown);
}

/**
 * Return the most probable class other than `unit`; null where there is none.
 * @param {Prediction[]} classes the most probable first
 * @param {number} unit
 */
export const runnerUp = (classes, unit) => classes.find(({ index }) => index !== unit) ?? null;

/**
 * Return the name of what the measures of trust are computed for, as their events state it.
 * @param {import("../types.js").UnitRef} target @param {import("../types.js").ImageRef} image @param {string} method
 * @param {number | null} against
 */
export const trustKey = ({ layer, unit }, image, method, against) =>
  [layer, unit, inputId(image), method, against ?? ""].join(":");

/**
 * Return what the measures of trust state about a heatmap; nothing is stated by measures that are not defined on its image.
 * @param {string[]} flags @param {Pick<import("../types.js").TrustValue, "name" | "value">[]} measures
 */
export function trustText(flags, measures) {
  const known = (/** @type {string[]} */ ...all) =>
    all.every((name) => measures.some((one) => one.name === name && one.value !== null));
  const good = [
    known("deletion", "insertion") && "is better than chance",
    known("sanity-all") && "depends on the weights",
  ].filter(Boolean);
  const stated = flags.length ? flags.map((flag) => flag.replace(/^no better/, "is no better")) : good;
  return stated.length ? `The heatmap ${stated.join(" and ")}.` : "No measure is defined on this image.";
}

/**
 * Return the absolute value that a heatmap draws in full color; it is a magnitude where the heatmap has no sign.
 * @param {Pick<import("../types.js").Heatmap, "scale" | "signed">} heatmap
 */
export const scaleText = ({ scale, signed }) =>
  scale ? `${signed ? "± " : ""}${formatNumber(scale)}` : "zero everywhere";
