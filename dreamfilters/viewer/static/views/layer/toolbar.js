// @ts-check
// How the units of a layer are shown: what, in which order, on which scale, in which colors and size.
import { isBoosted } from "../../lib/colormaps.js";
import { html } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { choices, go } from "../../state/routing.js";
import { useColorKeys } from "../shared/color_scale.js";
import { Choice, Field, Select, inputOf } from "../shared/controls.js";

/** @typedef {import("../../types.js").View} View */

const SORTS = {
  response: "by response",
  number: "by number",
  mean: "by mean",
  zeros: "by zeros",
  verdict: "by verdict",
};
const SORTS_OF_BARS = ["number", "response", "verdict"];
const SHOWS = { map: "maps", dream: "dreams", both: "both" };
const SHOWS_OF_BARS = { ...SHOWS, map: "values" };
const SCALES = { layer: "layer scale", unit: "unit scales", fixed: "fixed scale" };
const SIZES = { s: "small", m: "medium", l: "large" };
const COLORS = Object.fromEntries(choices.colors.map((name) => [name, isBoosted(name) ? `√ ${name.split("-")[0]}` : name]));

/**
 * @param {{ view: View, layer: import("../../types.js").Layer, matches: number, hasVerdicts: boolean,
 *   save: () => void }} props `matches`: the number of units that match the filter
 */
export function Toolbar({ view, layer, matches, hasVerdicts, save }) {
  useToolbarKeys(view);
  useColorKeys(view);
  const bars = layer.display === "bars";
  const sorts = Object.fromEntries(
    Object.entries(SORTS).filter(
      ([name]) => (name !== "verdict" || hasVerdicts) && (!bars || SORTS_OF_BARS.includes(name)),
    ),
  );
  return html`
    <div class="toolbar" role="group" aria-label="Display settings">
      ${
        layer.dreamable &&
        html`<${Choice} label="Show" options=${bars ? SHOWS_OF_BARS : SHOWS} value=${view.show}
          onChange=${(/** @type {View["show"]} */ show) => go({ show })} />`
      }
      <${Select} label="Sort" options=${sorts} value=${view.sort}
          onChange=${(/** @type {View["sort"]} */ sort) => go({ sort })} />
      <${Select} label="Scale" options=${SCALES} value=${view.scale}
          onChange=${(/** @type {View["scale"]} */ scale) => go({ scale })} />
      ${
        view.scale === "fixed" &&
        html`
        <${Field} label="from"><input type="number" step="any" class="limit" value=${view.low}
            onChange=${(/** @type {Event} */ event) => go({ low: inputOf(event).valueAsNumber || 0 })} /><//>
        <${Field} label="to"><input type="number" step="any" class="limit" value=${view.high}
            onChange=${(/** @type {Event} */ event) => go({ high: inputOf(event).valueAsNumber || 0 })} /><//>`
      }
      ${
        !bars &&
        html`<${Select} label="Colors" options=${COLORS} value=${view.colors}
          onChange=${(/** @type {View["colors"]} */ colors) => go({ colors })} />`
      }
      <${Select} label="Size" options=${SIZES} value=${view.size}
          onChange=${(/** @type {View["size"]} */ size) => go({ size })} />
      <input type="search" class="unit-filter" placeholder="filter …" value=${view.only}
          aria-label="Filter the units by number, name or verdict"
          onInput=${(/** @type {Event} */ event) => go({ only: inputOf(event).value })} onKeyDown=${clearAtEscape} />
      <span class="small soft unit-count">${matches === layer.units ? null : `${matches} of ${layer.units}`}</span>
      <button class="quiet" onClick=${save} title="Save all units as one PNG file">PNG</button>
    </div>`;
}

/** @param {KeyboardEvent} event */
function clearAtEscape(event) {
  if (event.key !== "Escape") return;
  go({ only: "" });
  inputOf(event).blur();
}

/** @param {View} view */
function useToolbarKeys(view) {
  const larger = () => go({ size: view.size === "s" ? "m" : "l" });
  useKeys({
    v: () => go({ show: nextOf(choices.show, view.show) }),
    s: () => go({ scale: view.scale === "layer" ? "unit" : "layer" }),
    o: () => go({ sort: nextOf(choices.sort, view.sort) }),
    "+": larger,
    "=": larger,
    "-": () => go({ size: view.size === "l" ? "m" : "s" }),
  });
}

/**
 * @template T
 * @param {T[]} values
 * @param {T} value
 */
const nextOf = (values, value) => values[(values.indexOf(value) + 1) % values.length];
