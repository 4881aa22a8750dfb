// @ts-check
// A cell of the confusion matrix: its images, then the units that separate the two classes, or do not.
import { html } from "../../lib/html.js";
import { formatNumber, plural } from "../../lib/number_format.js";
import { copyText } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { unitName } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { anchorTo, go } from "../../state/routing.js";
import { Loading } from "../shared/states.js";
import { UnitThumb } from "../shared/unit_thumb.js";
import { EvaluatedImages } from "./evaluated_images.js";

/** @typedef {import("../../types.js").ClassSeparation} ClassSeparation */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../../types.js").UnitContrast} UnitContrast */
/** @typedef {import("../../types.js").View} View */

/** @param {{ view: View, net: NetworkIndex, ready: boolean, cell: [number, number] }} props */
export function Cell({ view, net, ready, cell }) {
  const [label, predicted] = cell;
  /** @type {import("../../types.js").Resource<import("../../types.js").ConfusionCell>} */
  const { value, error } = useResource(ready ? paths.cell(cell) : null);
  const name = (/** @type {number} */ number) => (number < 0 ? "no class" : (net.classes[number] ?? `class ${number}`));
  const title = label === predicted ? `${name(label)}, predicted as labeled` : `${name(label)} predicted as ${name(predicted)}`;
  return html`
    <section class="cell" aria-label="The selected cell">
      <header class="head"><h2>${title}</h2>
        <div class="actions">
          ${label !== predicted && predicted >= 0 && html`<button onClick=${() => go({ cell: [predicted, label] })}>The other way round</button>`}
          <button onClick=${() => go({ cell: null })} aria-label="Close the cell">×</button></div></header>
      ${error && html`<p class="small bad" role="alert">${error.message}</p>`}
      ${!value && !error && html`<${Loading} />`}
      ${
        value &&
        html`<p class="small soft">${value.count ? plural(value.count, "image") : "No image"}${
          value.count > value.images.length ? `, of which ${value.images.length} are shown` : ""
        }.</p>
        ${value.count > 0 && html`<${EvaluatedImages} net=${net} images=${value.images} none="" brief />`}`
      }
      ${label !== predicted && predicted >= 0 && html`<${Separation} view=${view} net=${net} ready=${ready} pair=${cell} />`}
    </section>`;
}

/** @param {{ view: View, net: NetworkIndex, ready: boolean, pair: [number, number] }} props */
function Separation({ view, net, ready, pair }) {
  /** @type {import("../../types.js").Resource<ClassSeparation>} */
  const { value, error } = useResource(ready ? paths.separation(...pair) : null);
  if (error) return html`<p class="small soft">${error.message}.</p>`;
  if (!value) return html`<${Loading} what="Comparing the units" />`;
  const layer = value.layer === null ? null : net.byId.get(value.layer);
  if (!layer) return null;
  const [first, second] = [net.classes[value.first], net.classes[value.second]];
  const shared = { view, net, layer, first, second };
  return html`
    <h3>Units of ${layer.name} that separate the two classes, or do not</h3>
    <p class="small soft">Responses to ${plural(value.images_first, "image")} of ${first} and ${value.images_second}${" "}
      of ${second}. AUC: the share of pairs of images in which that of ${first} has the larger response.</p>
    <div class="unit-tables">
      <${UnitTable} ...${shared} title="Separate them" units=${value.separating} />
      <${UnitTable} ...${shared} title="Respond to both" units=${value.shared} />
      <${MarginTable} ...${shared} title="Carry the margin" units=${value.carrying} remark=${value.remark} />
    </div>
    ${value.losses.map(
      (loss) => html`
      <p class="small">Images of ${net.classes[loss.label]} that are predicted as ${net.classes[loss.predicted]} lack
        most of ${loss.units.slice(0, 4).map(
          ({ unit, on_hits: hits, on_mistakes: mistakes }, index) => html`${index ? ", " : ""}<a
            ...${anchorTo(view, { layer: layer.name, unit, compare: [] })}
            title=${`mean contribution to the margin: ${formatNumber(hits)} on hits, ${formatNumber(mistakes)} on these images`}>${unitName(net, layer, unit)}</a>`,
        )}.</p>`,
    )}
    <p class="actions"><button title=${value.command} onClick=${() => copyText(value.command, "the command line")}>
      Copy the command of the dream of ${first} minus ${second}</button></p>`;
}

/**
 * @param {{ view: View, net: NetworkIndex, layer: Layer, first: string, second: string, title: string,
 *   units: UnitContrast[] }} props
 */
const UnitTable = ({ view, net, layer, first, second, title, units }) => html`
  <table class="forms small"><caption>${title}</caption>
    <thead><tr><th scope="col">unit</th><th scope="col" class="number">AUC</th>
      <th scope="col" class="number" title=${`mean response to ${first}`}>${first}</th>
      <th scope="col" class="number" title=${`mean response to ${second}`}>${second}</th></tr></thead>
    <tbody>${units.map(
      ({ unit, auc, mean_first: a, mean_second: b }) => html`<tr key=${unit}><th scope="row"><${UnitLink} view=${view} net=${net} layer=${layer} unit=${unit} /></th>
        <td class="number">${auc.toFixed(2)}</td><td class="number">${formatNumber(a)}</td><td class="number">${formatNumber(b)}</td></tr>`,
    )}
    ${!units.length && html`<tr><td colspan="4" class="soft">none</td></tr>`}</tbody></table>`;

/**
 * @param {{ view: View, net: NetworkIndex, layer: Layer, first: string, second: string, title: string,
 *   units: UnitContrast[], remark: string }} props
 */
const MarginTable = ({ view, net, layer, first, second, title, units, remark }) => html`
  <table class="forms small"><caption>${title}</caption>
    <thead><tr><th scope="col">unit</th><th scope="col" class="number" title=${`mean contribution on images of ${first}`}>${first}</th>
      <th scope="col" class="number" title=${`mean contribution on images of ${second}`}>${second}</th></tr></thead>
    <tbody>${units.map(
      ({ unit, margin_first: a, margin_second: b }) => html`<tr key=${unit}><th scope="row"><${UnitLink} view=${view} net=${net} layer=${layer} unit=${unit} /></th>
        <td class="number">${formatNumber(a)}</td><td class="number">${formatNumber(b)}</td></tr>`,
    )}
    ${!units.length && html`<tr><td colspan="3" class="soft">${remark || "none"}</td></tr>`}</tbody></table>`;

/** @param {{ view: View, net: NetworkIndex, layer: Layer, unit: number }} props */
const UnitLink = ({ view, net, layer, unit }) => html`
  <a class="unit-link" ...${anchorTo(view, { layer: layer.name, unit, compare: [] })}>
    <${UnitThumb} layer=${layer} unit=${unit} />${unitName(net, layer, unit)}</a>`;
