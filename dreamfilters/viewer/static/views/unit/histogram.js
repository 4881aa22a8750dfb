// @ts-check
// A histogram of the responses to images, with single values marked.
import { html } from "../../lib/html.js";
import { axisTicks, formatNumber } from "../../lib/number_format.js";

/** @typedef {{ kind: string, name: string, value: number }} Mark */

const [WIDTH, HEIGHT] = [480, 170];
const [LEFT, RIGHT, TOP, BOTTOM] = [34, 12, 10, 24];
const NARROWEST_RANGE = 1e-30; // the width of the finest bins is the smallest float
const SINGLE_BAR_WIDTH = 24;
const COUNT_TICKS = [1, 10, 100, 1000, 10000, 100000];

/** @param {import("../../types.js").HistogramCounts & { marks: Mark[] }} props */
export function Histogram({ edges, counts, marks }) {
  const values = [edges[0], edges[edges.length - 1], ...marks.map((mark) => mark.value)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const single = !(high - low > NARROWEST_RANGE); // all values are the same, such as 0 for a silent unit
  const range = single ? 1 : high - low;
  const logMost = Math.log1p(Math.max(1, ...counts));
  const x = (/** @type {number} */ value) => LEFT + ((WIDTH - LEFT - RIGHT) * (value - low)) / range;
  const y = (/** @type {number} */ count) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * Math.log1p(count)) / logMost;
  const widthOf = (/** @type {number} */ bin) =>
    single ? SINGLE_BAR_WIDTH : Math.max(0.8, x(edges[bin + 1]) - x(edges[bin]) - 0.6);
  const ticks = single ? [{ value: low, text: formatNumber(low) }] : axisTicks(low, high);
  const description = marks.map((mark) => `, ${mark.name} ${formatNumber(mark.value)}`).join("");
  return html`
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img"
        aria-label=${`Histogram of the responses to images${description}`}>
      ${COUNT_TICKS.filter((count) => Math.log1p(count) <= logMost).map(
        (count) => html`<line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${y(count)} y2=${y(count)} />
        <text class="y-label" x=${LEFT - 5} y=${y(count) + 3.5}>${count}</text>`,
      )}
      ${counts.map(
        (count, bin) =>
          count > 0 &&
          html`<rect class="bar" x=${x(edges[bin])} y=${y(count)} width=${widthOf(bin)}
            height=${HEIGHT - BOTTOM - y(count)}><title>
            ${`${count} from ${formatNumber(edges[bin])} to ${formatNumber(edges[bin + 1])}`}</title></rect>`,
      )}
      <line class="axis" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${HEIGHT - BOTTOM} y2=${HEIGHT - BOTTOM} />
      ${ticks.map((tick) => html`<text class="x-label" x=${x(tick.value)} y=${HEIGHT - 8}>${tick.text}</text>`)}
      ${marks.map(
        (mark) => html`<line class=${`mark ${mark.kind}`} x1=${x(mark.value)} x2=${x(mark.value)}
          y1=${TOP - 4} y2=${HEIGHT - BOTTOM} />`,
      )}
    </svg>
    <ul class="legend small">
      ${marks.map(
        (mark) => html`<li><svg viewBox="0 0 14 14" aria-hidden="true">
        <line class=${`mark ${mark.kind}`} x1="7" x2="7" y1="0" y2="14" /></svg><span>${mark.name} <b>
          ${formatNumber(mark.value)}</b></span></li>`,
      )}
    </ul>`;
}
