// @ts-check
// Long work: what it is, how far it is, how to cancel it, and its result.
import { html } from "../../lib/html.js";
import { formatPercent } from "../../lib/number_format.js";
import { cancelJob, copyText, startJob } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { isInProgress } from "../../state/selectors.js";
import { Progress } from "../shared/states.js";

/** @typedef {import("../../types.js").Job} Job */

export const JOB_NAMES = { evaluate: "Evaluation", audit: "Audit", compare: "Comparison", embed: "Embedding" };

/** @param {{ job: Job }} props */
export function JobState({ job }) {
  const { kind, targets, method, dreams, phase, share, note, folder, command } = job;
  const name = `${JOB_NAMES[kind]}${targets.length ? ` of ${targets.join(", ")}` : ""}${method ? ` by ${method}${dreams ? ", with dreams" : ""}` : ""}`;
  return html`
    <section class="job small" data-job=${job.id} data-phase=${phase}>
      <p><b>${name}</b>${phase === "done" || phase === "running" ? "" : html` <span class="soft">${phase}</span>`}</p>
      ${
        isInProgress(phase) &&
        html`<${Progress} done=${share} total=${1}>${phase === "running" ? `${formatPercent(share)} ${note}` : "waiting"}<//>
          <button onClick=${() => cancelJob(job)}>Cancel</button>`
      }
      ${!isInProgress(phase) && note && html`<p class=${phase === "failed" ? "bad" : "soft"}>${note}</p>`}
      ${phase === "done" && html`<${Result} job=${job} />`}
      ${
        (phase === "cancelled" || phase === "failed") &&
        kind !== "compare" &&
        html`<button onClick=${() => startJob(kind, method ? { method, dreams } : undefined)}>${phase === "failed" ? "Try again" : "Continue"}</button>`
      }
      ${folder && html`<p class="soft">in ${folder}</p>`}
      <button class="quiet" title=${command} onClick=${() => copyText(command, "the command line")}>Copy the command line</button>
    </section>`;
}

/** The files of the result; the page opens in a tab of its own. @param {{ job: Job }} props */
const Result = ({ job }) => html`
  <p class="actions">${job.files.map((name) =>
    name.endsWith(".html")
      ? html`<a class="button primary" href=${paths.jobFile(job, name)} target="_blank" rel="noopener">Open the report</a>`
      : html`<a class="button" href=${paths.jobFile(job, name)} download=${name}>${name}</a>`,
  )}</p>`;
