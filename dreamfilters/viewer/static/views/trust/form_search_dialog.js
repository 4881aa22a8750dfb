// @ts-check
// The search for the input form: its progress, then the ranked forms and how to use the best one.
import { html, names } from "../../lib/html.js";
import { formatPercent, plural } from "../../lib/number_format.js";
import { applyForm, cancelFormSearch, copyText, saveForm, startFormSearch } from "../../state/actions.js";
import { Dialog } from "../shared/controls.js";
import { Progress } from "../shared/states.js";

/** @typedef {import("../../types.js").FormRanking} FormRanking */
/** @typedef {import("../../types.js").FormSearch} FormSearch */
/** @typedef {import("../../types.js").FormTrial} FormTrial */
/** @typedef {import("../../types.js").Network} Network */

/** @param {{ search: FormSearch, network: Network, close: () => void }} props */
export const FormSearchDialog = ({ search, network, close }) => html`
  <${Dialog} title="Input form" close=${close} kind="form-search">
    <h2>Input form</h2>
    <${Body} search=${search} network=${network} />
    <div class="actions">
      ${search.phase === "running" && html`<button onClick=${cancelFormSearch}>Cancel</button>`}
      ${
        ["cancelled", "failed"].includes(search.phase) &&
        html`<button class="primary" onClick=${startFormSearch}>Search again</button>`
      }
      <button onClick=${close}>Close</button>
    </div>
  <//>`;

/** @param {{ search: FormSearch, network: Network }} props */
function Body({ search, network }) {
  const { phase, share, note, result } = search;
  if (phase === "done" && result) return html`<${Ranking} result=${result} network=${network} />`;
  if (phase === "running") {
    return html`<p class="soft">The labeled images are shown to the network in each usual input form.</p>
      <${Progress} done=${share} total=${1}>${note || "Waiting for the network"}<//>`;
  }
  if (phase === "failed") return html`<p class="bad" role="alert">${note}</p>`;
  return html`<p class="soft">The search was canceled.</p>`;
}

/** @param {{ result: FormRanking, network: Network }} props */
function Ranking({ result, network }) {
  const { images, failures, chance, trials, remarks } = result;
  return html`
    <p class="soft">The accuracy of ${network.name} on ${plural(images, "labeled image")} for each input form
      (chance: ${formatPercent(chance)}). The page shows the network with ${network.form.text}.</p>
    ${failures > 0 && html`<p class="doubt">${plural(failures, "image")} could not be read.</p>`}
    <div class="table-scroll"><${Trials} trials=${trials} /></div>
    ${remarks.map((remark) => html`<p class="doubt">${remark}</p>`)}
    <${NextStep} result=${result} />`;
}

/** The trials; a column with the same text in every row is a line below the table. @param {{ trials: FormTrial[] }} props */
function Trials({ trials }) {
  const columns = /** @type {const} */ (["classes", "resize"]);
  const varying = columns.filter((column) => trials.some((trial) => trial[column] !== trials[0][column]));
  const common = columns.filter((column) => !varying.includes(column));
  return html`
    <table class="forms small">
      <thead><tr><th scope="col">input form</th>${varying.map((column) => html`<th scope="col">${column}</th>`)}
        <th scope="col" class="number">accuracy</th><th scope="col" class="number">log loss</th></tr></thead>
      <tbody>${trials.map(
        (trial, rank) => html`
        <tr class=${names(rank === 0 && "best")}><th scope="row">${trial.input}</th>
          ${varying.map((column) => html`<td>${trial[column]}</td>`)}
          <td class="number">${formatPercent(trial.accuracy)}</td>
          <td class="number">${trial.log_loss.toFixed(3)}</td></tr>`,
      )}</tbody>
    </table>
    ${common.length > 0 && html`<p class="small soft">${common.map((column) => `${column}: ${trials[0][column]}`).join(", ")}</p>`}`;
}

/** How to use the best form, then how to save it. @param {{ result: FormRanking }} props */
function NextStep({ result }) {
  const { fits, is_present: isPresent, applied, toml, file } = result;
  if (!fits) return null;
  if (!isPresent) {
    return html`<p><button class="primary" onClick=${applyForm}>Use the best form</button></p>
      <p class="small soft">The images are scanned again, and the dreams so far are dropped. Nothing is saved.</p>`;
  }
  return html`<p><b>The page shows the network in the best of these forms.</b></p>
    ${applied && (file ? html`<${Saving} result=${result} file=${file} />` : html`<${SavingByHand} toml=${toml} />`)}`;
}

/** Saving beside the model, for other commands and the next start. @param {{ result: FormRanking, file: string }} props */
function Saving({ result: { saved, exists, is_clear: isClear }, file }) {
  if (saved?.complete) return html`<p class="small">${saved.text || `It is saved in ${file} beside the model.`}</p>`;
  if (saved) {
    return html`<p class="doubt">${saved.text}</p>
      <p><button onClick=${() => saveForm(true)}>${exists ? `Replace ${file}` : "Save all of it"}</button></p>`;
  }
  return html`<p><button class="primary" onClick=${() => saveForm(false)}>
      ${exists ? `Complete ${file}` : `Save as ${file}`}</button></p>
    <p class="small soft">Until then, other commands and the next start do not use this form.
      ${isClear ? "" : " Where forms nearly tie, what they share is saved."}</p>`;
}

/** @param {{ toml: string }} props */
const SavingByHand = ({ toml }) => html`<p>To use it elsewhere, save these lines as a file and give it as${" "}
  <code>--form FILE</code>, or <code>form="FILE"</code> in Python.</p><${Code} text=${toml} what="the input form" />`;

/** @param {{ text: string, what: string }} props */
const Code = ({ text, what }) => html`
  <div class="code"><pre>${text}</pre><button onClick=${() => copyText(text, what)}
      aria-label=${`Copy ${what}`}>Copy</button></div>`;
