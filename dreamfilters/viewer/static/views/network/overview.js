// @ts-check
// The home view: what to look at first, and the network as a graph.
import { html, useState } from "../../lib/html.js";
import { formatCount, formatShape, plural } from "../../lib/number_format.js";
import { paths } from "../../state/api.js";
import { isClassLayer } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { anchorTo, go } from "../../state/routing.js";
import { Choice } from "../shared/controls.js";
import { UnitThumb } from "../shared/unit_thumb.js";
import { Graph, visibleGraph } from "./graph.js";
import { layerView } from "./layer_list.js";

/** @typedef {import("../../types.js").Finding} Finding */
/** @typedef {import("../../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../../types.js").View} View */
/** @typedef {import("../../types.js").ViewProps} ViewProps */

const MOST_FINDINGS = 3;
const SHOWS = /** @type {const} */ ({ both: "Dreams", map: "Maps" });

/**
 * @param {Pick<ViewProps, "view" | "net" | "images" | "ready"> & { network: import("../../types.js").Network }} props
 */
export function Overview({ view, net, network, images, ready }) {
  /** @type {import("../../types.js").Overview | undefined} */
  const overview = useResource(ready ? paths.overview() : null).value;
  const [all, setAll] = useState(false);
  const folded = network.layers.length - visibleGraph(network, false).ids.length;
  const { form } = network;
  return html`
    <header class="head"><div>
      <h1>${network.name}</h1>
      <p class="small soft">
        ${formatCount(network.layers.length)} layers, ${formatCount(network.parameters)} parameters,
        input ${formatShape([form.height, form.width, form.channels])}.
        Each layer shows the units with the strongest response to the image.</p>
    </div>
    <div class="actions">
      ${folded > 0 && html`<button aria-pressed=${all} onClick=${() => setAll(!all)}
          title="Layers that only forward their input, such as Dropout and Flatten">${plural(folded, "folded layer")}</button>`}
      <${Choice} label="Show" options=${SHOWS} value=${view.show === "map" ? "map" : "both"}
          onChange=${(/** @type {View["show"]} */ show) => go({ show })} />
    </div></header>
    ${overview && overview.look.length > 0 && html`<${Findings} view=${view} net=${net} look=${overview.look} />`}
    <${Graph} view=${view} net=${net} network=${network} image=${images[0]} ready=${ready} all=${all}
        verdicts=${overview?.verdicts ?? {}} />`;
}

/** @param {{ view: View, net: NetworkIndex, look: Finding[] }} props */
const Findings = ({ view, net, look }) => html`
  <ul class="findings" aria-label="Things to look at">${look.slice(0, MOST_FINDINGS).map((finding) => {
    const change = viewOf(net, finding);
    const content = html`<${Thumbs} net=${net} finding=${finding} />
      <span><b>${finding.title}</b><span class="small soft">${finding.text}</span></span>`;
    return html`<li key=${finding.kind}>${change ? html`<a ...${anchorTo(view, change)}>${content}</a>` : html`<div>${content}</div>`}</li>`;
  })}</ul>`;

/** @param {{ net: NetworkIndex, finding: Finding }} props */
function Thumbs({ net, finding: { cell, layer, unit } }) {
  const classes = net.layers.find(isClassLayer);
  if (cell && classes) return html`${cell.map((number) => html`<${UnitThumb} key=${number} layer=${classes} unit=${number} />`)}`;
  const known = layer === undefined ? undefined : net.byId.get(layer);
  return known && unit !== undefined ? html`<${UnitThumb} layer=${known} unit=${unit} />` : null;
}

/**
 * Return the change of the view that shows a finding; null where there is nothing to open.
 * @param {NetworkIndex} net @param {Finding} finding
 * @returns {Partial<View> | null}
 */
function viewOf(net, { cell, layer, unit, only }) {
  if (cell) return { page: "errors", cell };
  const known = layer === undefined ? undefined : net.byId.get(layer);
  if (!known) return null;
  return { ...layerView(known), unit: unit ?? null, only: only ?? "" };
}
