// The network as a list of layers.
import { html, names, useEffect, useRef } from "../../lib/html.js";
import { count, sizes } from "../../lib/number_format.js";
import { go, linkTo } from "../../state/routing.js";
import { Ghost } from "../shared/states.js";

/** The list, the present layer marked. */
export function Layers({ view, net, chosen }) {
  const here = useRef();
  useEffect(() => here.current?.scrollIntoView({ block: "nearest" }), [chosen?.id]);
  if (!net.layers.length) {
    return html`<ol class="layers" aria-busy="true">${Array.from({ length: 9 }, () => html`<li>
      <${Ghost} kind="layer" /></li>`)}</ol>`;
  }
  return html`
    <ol class="layers">
      ${net.layers.map(
        (layer) => html`
        <li key=${layer.id}>
          <a ref=${layer === chosen ? here : null}
              class=${names(layer === chosen && "chosen", layer.display === "none" && "faint", kindOf(layer))}
              aria-current=${layer === chosen ? "page" : null}
              href=${linkTo(view, { layer: layer.name, unit: null, compare: [] })} onClick=${follow(layer)}>
            <b>${parted(layer.name)}</b><span class="small">${count(layer.units)}</span>
            <span class="small soft" title=${layer.type}>${sizes(layer.shape)} · ${layer.type}</span>
          </a>
        </li>`,
      )}
    </ol>`;
}

/** Which family a layer is of: for the color of its edge, beside its type in words. */
export function kindOf({ type, display }) {
  if (type === "Classes") return "of-classes";
  if (/conv/i.test(type)) return "of-filters";
  if (/dense|einsum/i.test(type)) return "of-neurons";
  return display === "none" ? "of-nothing" : "of-shape";
}

/** A long name that is broken after its strokes rather than within a word. */
export const parted = (name) => name.split(/(?<=[_/.])/).flatMap((part, at) => (at ? [html`<wbr />`, part] : [part]));

const follow = (layer) => (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go({ layer: layer.name, unit: null, compare: [], only: "" });
};
