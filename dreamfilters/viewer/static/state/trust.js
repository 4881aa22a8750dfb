// @ts-check
// How far the network that is shown can be trusted, in words: where its input form comes from, and its accuracy.
import { formatCount } from "../lib/number_format.js";
import { isInProgress } from "./selectors.js";

/** @typedef {import("../types.js").Accuracy} Accuracy */
/** @typedef {import("../types.js").AppState} AppState */
/** @typedef {import("../types.js").FormSearch} FormSearch */

/** @param {number} fraction */
const percent = (fraction) => `${Math.round(100 * fraction)}\u00a0%`;

/**
 * Return the accuracy in one sentence, or why it is not known; "" where the output is not one of several classes.
 * @param {Pick<AppState, "network" | "accuracy" | "evidence">} state
 */
export function accuracyText({ network, accuracy, evidence }) {
  if (accuracy) return describeAccuracy(accuracy);
  if (!network?.is_classifier) return "";
  if (isInProgress(evidence.phase)) return "accuracy: follows with the scan of the images";
  return "accuracy unknown: no images are labeled with the classes of the network";
}

/** @param {Accuracy} accuracy */
function describeAccuracy({ right, count, value, chance, remark }) {
  const share = percent(right / count);
  const average = percent(value) === share ? "" : `; ${percent(value)} averaged over the classes`;
  const noun = count === 1 ? "image is" : "images are";
  return `${formatCount(right)} of ${formatCount(count)} labeled ${noun} predicted as labeled (${share}${average}), chance ${percent(chance)}${remark ? `; ${remark}` : ""}`;
}

/**
 * Return where the input form comes from. An assumed one is explained only where the search cannot find a better one.
 * @param {Pick<AppState, "form_search"> & { network: import("../types.js").Network }} state
 */
export function originText({ network: { form }, form_search: { phase, result } }) {
  if (form.source === "assumed" && phase !== "none") return "assumed";
  return result?.applied && result.saved?.complete ? `${form.origin}, saved in ${result.file}` : form.origin;
}

/**
 * Whether what the page shows may be that of a wrong input form.
 * @param {Pick<AppState, "network" | "accuracy">} state
 */
export const isDoubtful = ({ network, accuracy }) => network?.form.source === "assumed" || Boolean(accuracy?.poor);

/**
 * Return the text of the button of the search for the input form; null where no search is possible.
 * @param {FormSearch} search
 */
export function searchButtonText({ phase, share }) {
  if (phase === "none") return null;
  if (phase === "running") return `Searching: ${percent(share)}`;
  return phase === "done" ? "Show input forms" : "Find the input form";
}
