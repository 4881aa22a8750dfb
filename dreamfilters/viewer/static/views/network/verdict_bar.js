// @ts-check
// How many units of a layer have each verdict, as a bar.
import { html } from "../../lib/html.js";
import { VERDICTS } from "../../state/selectors.js";

/** @typedef {import("../../types.js").Overview["verdicts"][string]} Counts */

const ORDER = [...VERDICTS].reverse();

/** @param {{ counts: Counts | undefined, x: number, y: number, width: number }} props in the units of the graph */
export function VerdictBar({ counts, x, y, width }) {
  const known = ORDER.flatMap((kind) => (counts?.[kind] ? [{ kind, count: counts[kind] }] : []));
  const total = known.reduce((sum, { count }) => sum + count, 0);
  if (!total) return null;
  let start = x;
  return html`<g class="verdict-bar" role="img" aria-label=${verdictText(counts)}>${known.map(({ kind, count }) => {
    const [left, share] = [start, (width * count) / total];
    start += share;
    return html`<rect class=${kind.replace(" ", "-")} x=${left} y=${y} width=${share} height="4" />`;
  })}</g>`;
}

/**
 * Return the counts as text: "3 dead, 90 alive"; "" where there are none.
 * @param {Counts | undefined} counts
 */
export const verdictText = (counts) =>
  VERDICTS.flatMap((kind) => (counts?.[kind] ? [`${counts[kind]} ${kind}`] : [])).join(", ");
