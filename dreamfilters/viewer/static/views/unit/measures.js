// What holding a dream against the real images measures, in the words of the offline report.
import { paths } from "../../state/api.js";
import { html, names } from "../../lib/html.js";
import { useResource } from "../../state/resources.js";
import { app } from "../../state/store.js";
import { underWay } from "../../state/selectors.js";
import { Ghost } from "../shared/states.js";

/** `dream` is the one that is looked at, of `dreams` of the unit; measured when the images have been looked through. */
export function Measures({ dream, dreams, layer }) {
  const phase = app.use((state) => state.evidence.phase);
  const done = dream?.phase === "done";
  const alike = dreams.filter((one) => one.phase === "done" && one.recipe === dream?.recipe);
  const told = useResource(done && phase === "ready" ? paths.dreamMeasures(dream, alike.length) : null);
  if (!dream || phase === "none" || !(done || underWay(dream.phase))) return null;
  return html`
    <section class="facts measures" aria-busy=${told.phase === "loading"}>
      <h2>Dream against real images</h2>
      ${layer.display === "maps" && html`<p class="small soft line">By the score that is dreamt for, the mean of the whole map;
        above stands its greatest value.</p>`}
      ${
        told.value
          ? html`<${Told} ...${told.value} />`
          : told.phase === "loading"
            ? html`<p class="small soft" role="status">Measuring …</p><${Ghost} kind="chart" />`
            : html`<p class="small soft">${told.error?.message ?? waiting(done, phase)}</p>`
      }
    </section>`;
}

function waiting(done, phase) {
  if (!done) return "Measured when the dream is done.";
  return phase === "failed" ? "The images could not be looked through." : "Measured when the images have been looked through.";
}

const Told = ({ verdict, measures }) => html`
  <p><b>${verdict.figure}</b> <span class="soft">${verdict.words}</span>
    ${verdict.flags.map((flag) => html` <span class=${names("tag", LOST.test(flag) && "bad")}>${flag}</span>`)}</p>
  <dl class="measured small">${measures.map(
    ({ name, figure, detail, meaning, bad }) => html`
    <div title=${meaning}>
      <dt>${name}</dt><dd><b class=${names(bad && "tag bad")}>${figure}</b></dd><dd class="soft">${detail}</dd>
    </div>`,
  )}</dl>
  <details class="small"><summary>What the measures say</summary>
    <dl class="meanings">${measures.map(({ name, meaning }) => html`<dt>${name}</dt><dd class="soft">${meaning}</dd>`)}
    </dl></details>`;

const LOST = /loses|not activated/;
