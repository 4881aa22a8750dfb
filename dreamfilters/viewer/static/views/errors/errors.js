// @ts-check
// The mistakes of the network on the labeled images: the matrix, a cell of it, the most confident mistakes, calibration.
import { html, names, useState } from "../../lib/html.js";
import { formatPercent, plural } from "../../lib/number_format.js";
import { startJob } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { isClassLayer } from "../../state/network_index.js";
import { refresh, useResource } from "../../state/resources.js";
import { anchorTo } from "../../state/routing.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { JobState } from "../jobs/job_state.js";
import { Empty, Failed, Loading } from "../shared/states.js";
import { Calibration } from "./calibration.js";
import { Cell } from "./cell.js";
import { EvaluatedImages } from "./evaluated_images.js";
import { Matrix } from "./matrix.js";

/** @typedef {import("../../types.js").ClassResult} ClassResult */
/** @typedef {import("../../types.js").Evaluation} Evaluation */
/** @typedef {import("../../types.js").EvaluationState} EvaluationState */
/** @typedef {Pick<import("../../types.js").ViewProps, "view" | "net" | "ready">} PageProps */

/** @param {PageProps} props */
export function Errors({ view, net, ready }) {
  /** @type {import("../../types.js").Resource<EvaluationState>} */
  const { value, error } = useResource(ready ? paths.evaluation() : null);
  if (error && !value) {
    return html`<${Failed} error=${error} retry=${() => refresh((address) => address === paths.evaluation())} />`;
  }
  if (!value) return html`<${Loading} />`;
  if (!value.ready) return html`<${NoEvaluation} obstacle=${value.obstacle} />`;
  return html`<${Found} view=${view} net=${net} ready=${ready} found=${value} />`;
}

/** @param {{ obstacle: string | null }} props */
function NoEvaluation({ obstacle }) {
  const jobs = app.use((state) => state.jobs);
  const job = Object.values(jobs).findLast(({ kind }) => kind === "evaluate");
  if (obstacle) return html`<${Empty} title="No evaluation">${obstacle}.<//>`;
  return html`
    <${Empty} title="Mistakes of the network">
      The evaluation shows every labeled image to the network: which classes it confuses, how sure it is, and which
      units are behind it.
      ${job && html`<${JobState} job=${job} />`}
      ${!isInProgress(job?.phase) && html`<button class="primary" onClick=${() => startJob("evaluate")}>Evaluate</button>`}
    <//>`;
}

/** @param {PageProps & { found: Evaluation }} props */
function Found({ view, net, ready, found }) {
  return html`
    <article class="errors">
      <header class="head"><div>
        <h1>Mistakes</h1>
        <p class="small soft">${found.text}.</p>
      </div></header>
      <${Matrix} view=${view} net=${net} table=${found.table} />
      ${
        view.cell
          ? html`<${Cell} key=${view.cell.join(":")} view=${view} net=${net} ready=${ready} cell=${view.cell} />`
          : html`<p class="small soft line">Select a cell to see its images and the units that separate the two classes.</p>`
      }
      <${Pairs} view=${view} net=${net} found=${found} />
      <section><h2>Most confident mistakes</h2>
        <${EvaluatedImages} net=${net} images=${found.mistakes} none="Every image is predicted as labeled." />
      </section>
      <section><h2>Least confident hits</h2>
        <${EvaluatedImages} net=${net} images=${found.hits} none="No image is predicted as labeled." />
      </section>
      <div class="columns">
        ${found.calibration && html`<${Calibration} found=${found.calibration} />`}
        <${Classes} view=${view} net=${net} classes=${found.classes} />
      </div>
    </article>`;
}

/** @param {Pick<PageProps, "view" | "net"> & { found: Evaluation }} props */
function Pairs({ view, net, found }) {
  if (!found.pairs.length) return null;
  return html`
    <section><h2>Most confused classes</h2>
      <ul class="pair-list small">${found.pairs.map(({ first, second, first_as_second: outward, second_as_first: inward }) => {
        const cell = /** @type {[number, number]} */ (outward >= inward ? [first, second] : [second, first]);
        return html`<li key=${`${first} ${second}`}><a ...${anchorTo(view, { page: "errors", cell })}>
          ${net.classes[cell[0]]} → ${net.classes[cell[1]]}</a>
          <span class="soft">${plural(Math.max(outward, inward), "image")}${
            Math.min(outward, inward) ? `, ${Math.min(outward, inward)} the other way round` : ""
          }</span></li>`;
      })}</ul>
    </section>`;
}

const SORTS = /** @type {const} */ (["recall", "precision", "images"]);

/** @param {Pick<PageProps, "view" | "net"> & { classes: ClassResult[] }} props */
function Classes({ view, net, classes }) {
  const [sort, setSort] = useState(/** @type {(typeof SORTS)[number]} */ ("recall"));
  const layer = net.layers.find(isClassLayer);
  const sorted = [...classes].sort((a, b) => (a[sort] ?? 2) - (b[sort] ?? 2));
  return html`
    <section class="class-results"><h2>Classes</h2>
      <div class="table-scroll"><table class="forms small">
        <thead><tr><th scope="col">class</th>${SORTS.map(
          (name) => html`<th scope="col" class="number" aria-sort=${sort === name ? "ascending" : "none"}>
            <button class=${names("quiet", sort === name && "on")} onClick=${() => setSort(name)}
                title=${`Sort by ${name}, the lowest first`}>${name}</button></th>`,
        )}</tr></thead>
        <tbody>${sorted.map(
          ({ number, images, right, recall, precision }) => html`
          <tr key=${number}><th scope="row"><a ...${layer && anchorTo(view, { layer: layer.name, unit: number, compare: [] })}>
              ${net.classes[number]}</a></th>
            <td class="number" title=${`${right} of ${plural(images, "image")}`}>${formatPercent(recall ?? NaN)}</td>
            <td class="number">${formatPercent(precision ?? NaN)}</td><td class="number">${images}</td></tr>`,
        )}</tbody>
      </table></div>
    </section>`;
}
