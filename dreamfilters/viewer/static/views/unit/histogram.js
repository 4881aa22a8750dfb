// How often real images excite a unit how much, with single values marked.
import { html } from "../../lib/html.js";
import { figures, ticks } from "../../lib/number_format.js";

const [WIDTH, HEIGHT] = [480, 170];
const [LEFT, RIGHT, TOP, BOTTOM] = [34, 12, 10, 24];
const NOTHING = 1e-30; // the finest bins are no wider than the smallest number there is
const SLIM = 24; // the width of a bar that stands alone

/** `edges` one more than `counts`; `marks` [{kind, name, value}]. */
export function Histogram({ edges, counts, marks }) {
  const values = [edges[0], edges.at(-1), ...marks.map((mark) => mark.value)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const alone = !(high - low > NOTHING); // every image and mark says the same, such as 0 for a silent unit
  const span = alone ? 1 : high - low;
  const most = Math.log1p(Math.max(1, ...counts));
  const x = (value) => LEFT + ((WIDTH - LEFT - RIGHT) * (value - low)) / span;
  const y = (count) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * Math.log1p(count)) / most;
  const told = marks.map((mark) => `, ${mark.name} ${figures(mark.value)}`).join("");
  const powers = [1, 10, 100, 1000, 10000, 100000].filter((power) => Math.log1p(power) <= most);
  return html`
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img"
        aria-label=${`Histogram of real responses${told}`}>
      ${powers.map((power) => html`<line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${y(power)} y2=${y(power)} />
        <text class="up" x=${LEFT - 5} y=${y(power) + 3.5}>${power}</text>`)}
      ${counts.map((count, at) => count > 0 && html`<rect class="bar" x=${x(edges[at])} y=${y(count)}
          width=${alone ? SLIM : Math.max(0.8, x(edges[at + 1]) - x(edges[at]) - 0.6)} height=${HEIGHT - BOTTOM - y(count)}><title>
            ${`${count} of ${figures(edges[at])} to ${figures(edges[at + 1])}`}</title></rect>`)}
      <line class="axis" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${HEIGHT - BOTTOM} y2=${HEIGHT - BOTTOM} />
      ${(alone ? [{ value: low, text: figures(low) }] : ticks(low, high)).map((tick) => html`<text class="across" x=${x(tick.value)} y=${HEIGHT - 8}>${tick.text}
        </text>`)}
      ${marks.map((mark) => html`<line class=${`mark ${mark.kind}`} x1=${x(mark.value)} x2=${x(mark.value)}
          y1=${TOP - 4} y2=${HEIGHT - BOTTOM} />`)}
    </svg>
    <ul class="legend small">
      ${marks.map((mark) => html`<li><svg viewBox="0 0 14 14" aria-hidden="true">
        <line class=${`mark ${mark.kind}`} x1="7" x2="7" y1="0" y2="14" /></svg><span>${mark.name} <b>
          ${figures(mark.value)}</b></span></li>`)}
    </ul>`;
}
