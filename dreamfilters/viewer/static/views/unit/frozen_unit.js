// @ts-check
// The frozen unit: its map and its backward pass for the present image, beside every view.
import { html } from "../../lib/html.js";
import { commonLimits } from "../../lib/map_painting.js";
import { formatNumber } from "../../lib/number_format.js";
import { paths } from "../../state/api.js";
import { unitName } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { anchorTo, go } from "../../state/routing.js";
import { explanation } from "../../state/store.js";
import { ExactMap } from "../shared/exact_map.js";
import { Backward, maximumOf } from "./unit_views.js";

/** @typedef {import("../../types.js").ViewProps} ViewProps */

/** Whether a view has the frozen unit beside it. @param {import("../../types.js").View} view */
export const showsFrozen = (view) =>
  view.frozen !== null && (view.page !== null || view.frozen.layer !== view.layer || view.frozen.unit !== view.unit);

/** @param {Pick<ViewProps, "view" | "net" | "images" | "ready">} props */
export function FrozenUnit({ view, net, images, ready }) {
  const { layer: name, unit } = view.frozen ?? { layer: "", unit: 0 };
  const found = net.byName.get(name);
  const layer = found && found.display !== "none" && unit < found.units ? found : null;
  const image = images[0];
  /** @type {import("../../types.js").UnitMap | undefined} */
  const map = useResource(ready && layer && image ? paths.map(layer.id, image, unit) : null).value;
  const method = explanation.use((state) => state.backward) || "gradient";
  const release = html`<button onClick=${() => go({ frozen: null })} title="Release the unit (r)">Release</button>`;
  if (!layer) return html`<section class="frozen"><p class="small soft">${name}:${unit} is no unit of this network.</p>${release}</section>`;
  const maximum = maximumOf(map);
  return html`
    <section class="frozen" data-unit=${`${name}:${unit}`}>
      <header><a ...${anchorTo(view, { layer: layer.name, unit, compare: [] })}>${unitName(net, layer, unit)}</a>
        <b>${maximum === null ? "" : formatNumber(maximum)}</b>${release}</header>
      ${
        image &&
        html`<div class="frozen-views">
        ${
          layer.display === "maps" &&
          map &&
          html`<${ExactMap} values=${map.values} limits=${commonLimits([map])} colors=${view.colors} layer=${layer}
              label=${`Activation map of the frozen unit on ${image.name}`} />`
        }
        ${
          layer.dreamable &&
          html`<${Backward} layer=${layer} unit=${unit} subject=${image} method=${method} ready=${ready} alt=${image.name} />`
        }
        </div>
        <p class="small soft">frozen, on ${image.label ?? image.name}</p>`
      }
    </section>`;
}
