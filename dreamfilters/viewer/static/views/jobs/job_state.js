// @ts-check
// Long work: what it is, how far it is, how to cancel it, and its result.
import { html } from "../../lib/html.js";
import { formatPercent } from "../../lib/number_format.js";
import { cancelJob, copyText, startJob, startTechnique } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { anchorTo, route } from "../../state/routing.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { Progress } from "../shared/states.js";
import { TechniqueResults } from "../techniques/technique_results.js";

/** @typedef {import("../../types.js").Job} Job */

const JOB_NAMES = {
  evaluate: "Evaluation",
  audit: "Audit",
  compare: "Comparison",
  embed: "Embedding",
  technique: "Technique",
};

/**
 * Return what a job does, in a word or two.
 * @param {Job} job
 * @param {import("../../types.js").Network | null} network
 */
export const jobName = ({ kind, technique }, network) =>
  network?.techniques.find(({ name }) => name === technique?.name)?.title ?? JOB_NAMES[kind];

/** @param {{ job: Job, full?: boolean }} props `full`: with the images of a technique */
export function JobState({ job, full = false }) {
  const { targets, method, dreams, phase, share, note, folder, command, technique } = job;
  const network = app.use((state) => state.network);
  const view = route.use((values) => values);
  const name = `${jobName(job, network)}${targets.length ? ` of ${targets.join(", ")}` : ""}${method ? ` by ${method}${dreams ? ", with dreams" : ""}` : ""}`;
  return html`
    <section class="job small" data-job=${job.id} data-phase=${phase}>
      <p><b>${name}</b>${phase === "done" || phase === "running" ? "" : html` <span class="soft">${phase}</span>`}</p>
      ${
        isInProgress(phase) &&
        html`<${Progress} done=${share} total=${1}>${phase === "running" ? `${formatPercent(share)} ${note}` : "waiting"}<//>
          <button onClick=${() => cancelJob(job)}>Cancel</button>`
      }
      ${full && job.snapshot > 0 && html`<img class="job-snapshot" src=${paths.jobSnapshot(job)} alt=${`${name}, so far`} />`}
      ${!isInProgress(phase) && note && html`<p class=${phase === "failed" ? "bad" : "soft"}>${note}</p>`}
      ${phase === "done" && full && technique && html`<${TechniqueResults} job=${job} />`}
      ${phase === "done" && html`<${Result} job=${job} />`}
      ${
        phase === "done" &&
        technique &&
        !full &&
        html`<a class="button" ...${anchorTo(view, { page: "techniques", technique: technique.name })}>Show the images</a>`
      }
      ${(phase === "cancelled" || phase === "failed") && html`<${Again} job=${job} />`}
      ${folder && html`<p class="soft">in ${folder}</p>`}
      ${
        command &&
        html`<button class="quiet" title=${command} onClick=${() => copyText(command, "the command line")}>Copy the command line</button>`
      }
    </section>`;
}

/** Starts the same work again, which continues where it was canceled. @param {{ job: Job }} props */
function Again({ job: { kind, method, dreams, phase, technique } }) {
  if (kind === "compare") return null;
  const again = () =>
    technique ? startTechnique(technique) : startJob(kind, method ? { method, dreams } : undefined);
  return html`<button onClick=${again}>${phase === "failed" ? "Try again" : "Continue"}</button>`;
}

/**
 * The files of the result, of a technique only the page, which opens in a tab of its own.
 * @param {{ job: Job }} props
 */
const Result = ({ job }) => html`
  <p class="actions">${shownFiles(job).map((name) =>
    name.endsWith(".html")
      ? html`<a class="button primary" href=${paths.jobFile(job, name)} target="_blank" rel="noopener">Open the report</a>`
      : html`<a class="button" href=${paths.jobFile(job, name)} download=${name}>${name}</a>`,
  )}</p>`;

/** @param {Job} job */
const shownFiles = ({ technique, files }) => (technique ? files.filter((name) => name === "index.html") : files);
