// @ts-check
// The network as a list of layers.
import { html, names, useEffect, useRef } from "../../lib/html.js";
import { formatCount, formatShape } from "../../lib/number_format.js";
import { isClassLayer } from "../../state/network_index.js";
import { anchorTo } from "../../state/routing.js";
import { Skeleton } from "../shared/states.js";

/** @typedef {import("../../types.js").Layer} Layer */

/** @param {Pick<import("../../types.js").ViewProps, "view" | "net"> & { current: Layer | null }} props */
export function LayerList({ view, net, current }) {
  const item = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => item.current?.scrollIntoView({ block: "nearest" }), [current?.id]);
  if (!net.layers.length) {
    return html`<ol class="layers" aria-busy="true">${Array.from({ length: 9 }, () => html`<li>
      <${Skeleton} kind="layer" /></li>`)}</ol>`;
  }
  return html`
    <ol class="layers">
      ${net.layers.map(
        (layer) => html`
        <li key=${layer.id}>
          <a ref=${layer === current ? item : null}
              class=${names(layer === current && "chosen", layer.display === "none" && "dimmed", familyClass(layer))}
              aria-current=${layer === current ? "page" : null} ...${anchorTo(view, layerView(layer))}>
            <b>${breakable(layer.name)}</b><span class="small">${formatCount(layer.units)}</span>
            <span class="small soft" title=${layer.type}>${formatShape(layer.shape)} · ${layer.type}</span>
          </a>
        </li>`,
      )}
    </ol>`;
}

/**
 * Return the change of the view that shows a layer.
 * @param {Layer} layer
 */
export const layerView = (layer) => ({ layer: layer.name, unit: null, compare: [], only: "" });

/**
 * Return the CSS class of a layer's family, which colors its edge; the type is also given as text.
 * @param {Layer} layer
 */
export function familyClass(layer) {
  if (isClassLayer(layer)) return "of-classes";
  if (/conv/i.test(layer.type)) return "of-filters";
  if (/dense|einsum/i.test(layer.type)) return "of-neurons";
  return layer.display === "none" ? "of-nothing" : "of-shape";
}

/**
 * Return a long name that breaks after its separators rather than within a word.
 * @param {string} name
 */
export const breakable = (name) =>
  name.split(/(?<=[_/.])/).flatMap((part, index) => (index ? [html`<wbr />`, part] : [part]));
