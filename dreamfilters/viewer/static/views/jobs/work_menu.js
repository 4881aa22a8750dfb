// @ts-check
// The menu of long work: what can be started, what is in progress, and the results.
import { html } from "../../lib/html.js";
import { startFormSearch, startJob } from "../../state/actions.js";
import { anchorTo } from "../../state/routing.js";
import { isInProgress } from "../../state/selectors.js";
import { searchButtonText } from "../../state/trust.js";
import { Menu } from "../shared/controls.js";
import { EmbedControls } from "./embed_controls.js";
import { JobState, jobName } from "./job_state.js";

/** @typedef {import("../../types.js").AppState} AppState */

/** @param {{ view: import("../../types.js").View, state: AppState }} props */
export function WorkMenu({ view, state }) {
  if (!state.network) return null;
  const jobs = Object.values(state.jobs).sort((a, b) => b.number - a.number);
  const active = jobs.find(({ phase }) => phase === "running") ?? jobs.find(({ phase }) => phase === "queued");
  const open = (/** @type {string} */ kind) => jobs.some((job) => job.kind === kind && isInProgress(job.phase));
  const labeled = state.form_search.phase !== "none"; // the same images and classes are needed
  const scanned = state.images.some((image) => !image.uploaded);
  const search = searchButtonText(state.form_search);
  const summary = active
    ? html`<span class="pulse" aria-hidden="true"></span> <span class="job-name">${jobName(active, state.network)}</span>
        <progress value=${active.share} max="1" aria-label="Progress"></progress>`
    : "Work";
  return html`
    <${Menu} kind="queue work" summary=${summary} sticky>
      <a class="button narrow-only" ...${anchorTo(view, { layer: null, unit: null, compare: [], page: "errors" })}>Mistakes of the network</a>
      <a class="button narrow-only" ...${anchorTo(view, { layer: null, unit: null, compare: [], page: "embedding" })}>Map of the images</a>
      <a class="button narrow-only" ...${anchorTo(view, { page: "techniques", cell: null, compare: [] })}>Techniques</a>
      <div class="actions">
        <button disabled=${!labeled || open("evaluate")} onClick=${() => startJob("evaluate")}
            title=${labeled ? "Accuracy, confusions and calibration, as ‘dreamfilters evaluate’" : "This needs labeled images and a network with classes"}>Evaluate</button>
        <button disabled=${!scanned || open("audit")} onClick=${() => startJob("audit")}
            title=${scanned ? "Which units are dead or dormant, as ‘dreamfilters audit’" : "This needs a folder of images"}>Audit the units</button>
        ${search && state.form_search.phase !== "running" && html`<button onClick=${startFormSearch} title="As ‘dreamfilters inputs’">Find the input form</button>`}
      </div>
      <${EmbedControls} />
      ${jobs.map((job) => html`<${JobState} key=${job.id} job=${job} />`)}
      ${!jobs.length && html`<p class="soft small">Results are run folders, as of the command line. The page stays
        usable meanwhile.</p>`}
    <//>`;
}
