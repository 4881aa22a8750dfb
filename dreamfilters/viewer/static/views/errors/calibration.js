// @ts-check
// The calibration: how often predictions of each confidence are correct, and how many there are.
import { html } from "../../lib/html.js";
import { formatPercent } from "../../lib/number_format.js";

/** @typedef {import("../../types.js").Bar} Bar */

/** @param {{ found: import("../../types.js").Calibration }} props */
export const Calibration = ({ found: { error, confidence, accuracy, chart } }) => html`
  <section><h2>Calibration</h2>
    <p class="small soft">Mean confidence ${formatPercent(confidence)}, correct ${formatPercent(accuracy)}; expected
      calibration error ${formatPercent(error)}. The height of a bar is the share of its predictions that is correct; the
      gap to the diagonal is the error. The lower bars are the numbers of images.</p>
    <svg class="chart calibration" viewBox=${`0 0 ${chart.width} ${chart.height}`} role="img"
        aria-label=${`Reliability diagram: expected calibration error ${formatPercent(error)}`}>
      <line class="diagonal" x1=${LEFT} y1=${chart.bottom} x2=${LEFT + chart.bottom - TOP} y2=${TOP} />
      ${chart.bars.map(
        ({ accuracy: right, gap, images, text, is_under: under }) => html`
        <g><title>${text}</title><rect class="bar" ...${right} />
          <rect class=${under ? "gap under" : "gap over"} ...${gap} /><rect class="count" ...${images} /></g>`,
      )}
      ${[0, 0.5, 1].map(
        (share) => html`
        <text class="x-label" x=${LEFT + share * (chart.bottom - TOP)} y=${chart.bottom + 16}>${100 * share}</text>
        <text class="y-label" x=${LEFT - 6} y=${chart.bottom - share * (chart.bottom - TOP) + 4}>${100 * share}</text>`,
      )}
      <text class="x-label" x=${LEFT + (chart.bottom - TOP) / 2} y=${chart.bottom + 28}>confidence in %</text>
    </svg>
  </section>`;

const [LEFT, TOP] = [40, 10]; // of the diagram, as report/pages/evaluation/reliability_chart.py lays it out
