// @ts-check
// A dream compared with images: the measures, with the captions of the report.
import { html, names } from "../../lib/html.js";
import { paths } from "../../state/api.js";
import { useResource } from "../../state/resources.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { Skeleton } from "../shared/states.js";

/** @typedef {import("../../types.js").Dream} Dream */
/** @typedef {import("../../types.js").DreamMeasures} DreamMeasures */

/**
 * The measures of a dream that is done, once the images have been scanned.
 * @param {{ dream: Dream | null, dreams: Dream[], layer: import("../../types.js").Layer }} props
 */
export function Measures({ dream, dreams, layer }) {
  const phase = app.use((state) => state.evidence.phase);
  const done = dream?.phase === "done";
  // Further seeds of the recipe change the measures.
  const seeds = dreams.filter((each) => each.phase === "done" && each.recipe === dream?.recipe).length;
  /** @type {import("../../types.js").Resource<DreamMeasures>} */
  const measures = useResource(dream && done && phase === "ready" ? paths.dreamMeasures(dream, seeds) : null);
  if (!dream || phase === "none" || !(done || isInProgress(dream.phase))) return null;
  return html`
    <section class="facts measures" aria-busy=${measures.phase === "loading"}>
      <h2>Dream compared with images</h2>
      ${
        layer.display === "maps" &&
        html`<p class="small soft line">The measures use the objective's score, the mean of the map;
        the number above the dream is the maximum of its map.</p>`
      }
      ${
        measures.value
          ? html`<${Captions} ...${measures.value} />`
          : measures.phase === "loading"
            ? html`<p class="small soft" role="status">Measuring …</p><${Skeleton} kind="chart" />`
            : html`<p class="small soft">${measures.error?.message ?? pendingText(done, phase)}</p>`
      }
    </section>`;
}

/** @param {boolean} done @param {import("../../types.js").EvidencePhase} phase */
function pendingText(done, phase) {
  if (!done) return "Measured when the dream is done.";
  return phase === "failed" ? "The images could not be scanned." : "Measured when the images have been scanned.";
}

/** @param {DreamMeasures} props */
const Captions = ({ headline, measures }) => html`
  <p><b class=${names(measures.some(({ fails }) => fails) && "tag bad")}>${headline.figure}</b> <span
      class="soft">${headline.words}</span>${headline.flags.map((flag) => html` <span class="tag">${flag}</span>`)}</p>
  <dl class="measure-list small">${measures.map(
    ({ name, figure, detail, meaning, fails }) => html`
    <div title=${meaning}>
      <dt>${name}</dt><dd><b class=${names(fails && "tag bad")}>${figure}</b></dd><dd class="soft">${detail}</dd>
    </div>`,
  )}</dl>
  <details class="small"><summary>What the measures mean</summary>
    <dl class="meanings">${measures.map(({ name, meaning }) => html`<dt>${name}</dt><dd class="soft">${meaning}</dd>`)}
    </dl></details>`;
