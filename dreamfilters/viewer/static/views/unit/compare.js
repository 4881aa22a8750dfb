// @ts-check
// Pinned units side by side: a row for each unit, a column for each image, one scale for all maps.
import { html } from "../../lib/html.js";
import { commonLimits, valueRange } from "../../lib/map_painting.js";
import { formatNumber } from "../../lib/number_format.js";
import { paths } from "../../state/api.js";
import { unitName } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { go, linkTo } from "../../state/routing.js";
import { app } from "../../state/store.js";
import { Mistake } from "../images/marked_image.js";
import { ChangeTag } from "../shared/change_notice.js";
import { ColorScale } from "../shared/color_scale.js";
import { ExactMap } from "../shared/exact_map.js";
import { Empty, Skeleton } from "../shared/states.js";

/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").UnitMap} UnitMap */
/** @typedef {import("../../types.js").View} View */
/** @typedef {import("../../types.js").ViewProps} ViewProps */

const [MOST_UNITS, MOST_IMAGES] = [8, 4];

/** @param {Pick<ViewProps, "view" | "net" | "images" | "ready">} props */
export function Compare({ view, net, images, ready }) {
  const units = view.compare
    .flatMap(({ layer: name, unit }) => {
      const layer = net.byName.get(name);
      return layer && unit < layer.units ? [{ layer, unit }] : [];
    })
    .slice(0, MOST_UNITS);
  const shown = images.slice(0, MOST_IMAGES);
  // The same number of hooks in every render, however many units and images there are.
  const maps = Array.from({ length: MOST_UNITS * MOST_IMAGES }, (_, index) => {
    const [row, image] = [units[Math.floor(index / MOST_IMAGES)], shown[index % MOST_IMAGES]];
    const known = ready && row && image && row.layer.display === "maps";
    return /** @type {UnitMap | undefined} */ (
      useResource(known ? paths.map(row.layer.id, image, row.unit) : null).value
    );
  });
  if (!units.length) {
    return html`<${Empty} title="No pinned units">Press p on a unit or Shift-click it to pin it. Press c to compare the
      pinned units.<//>`;
  }
  const loaded = maps.flatMap((map) => map ?? []);
  const limits = view.scale === "fixed" ? [view.low, view.high] : commonLimits(loaded);
  return html`
    <header class="head"><div><h1>Comparison</h1><p
        class="small soft">Shift-click an image above to add it.</p></div></header>
    <${ChangeTag} view=${view} />
    ${loaded.length > 0 && html`<${ColorScale} limits=${limits} colors=${view.colors}>one scale for all maps<//>`}
    <div class="table-wrap"><table class="compare">
      <thead><tr><th scope="col">unit</th><th scope="col">dream</th>${shown.map(
        (image) => html`<th scope="col">
        <img class="image" src=${paths.image(image, "input")} alt="" /><span class="small">
          ${image.label ?? image.name}</span><${Mistake} name=${image.mistake} kind="tag" /></th>`,
      )}</tr></thead>
      <tbody>${units.map(
        ({ layer, unit }, row) => html`
        <tr key=${`${layer.id}:${unit}`}>
          <th scope="row"><a href=${linkTo(view, { layer: layer.name, unit, compare: [] })}>
            ${unitName(net, layer, unit)}</a>
            <button class="remove" aria-label="Remove from the comparison" onClick=${() => remove(view, layer, unit)}>×
              </button></th>
          <td><${NewestDream} layer=${layer} unit=${unit} /></td>
          ${shown.map(
            (image, column) => html`<td key=${image.id}><${Response} layer=${layer} unit=${unit} image=${image}
              map=${maps[row * MOST_IMAGES + column]} limits=${limits} colors=${view.colors} ready=${ready} /></td>`,
          )}
        </tr>`,
      )}</tbody>
    </table></div>`;
}

// Also unpins the unit.
/** @param {View} view @param {Layer} layer @param {number} unit */
function remove(view, layer, unit) {
  const others = (/** @type {import("../../types.js").UnitRef[]} */ all) =>
    all.filter((each) => each.layer !== layer.name || each.unit !== unit);
  app.set({ pinned: others(app.get().pinned) });
  go({ compare: others(view.compare) });
}

/** @param {{ layer: Layer, unit: number }} props */
function NewestDream({ layer, unit }) {
  const dreams = app.use((state) => state.dreams);
  const dream = Object.values(dreams).findLast((each) => each.layer === layer.id && each.unit === unit && each.image);
  if (!dream) return html`<div class="placeholder small soft">no dream</div>`;
  const { prediction } = dream;
  return html`<img class="image" src=${paths.dreamImage(dream)} alt=${`The dream of ${layer.name}:${unit}`} />
    ${prediction && !prediction.is_predicted && html`<span class="mistake tag">${prediction.text}</span>`}`;
}

/**
 * The activation map of a unit on an image, or its one number.
 * @param {{ layer: Layer, unit: number, image: ImageInfo, map: UnitMap | undefined, ready: boolean,
 *   limits: import("../../types.js").Limits, colors: import("../../types.js").Colormap }} props
 */
function Response({ layer, unit, image, map, limits, colors, ready }) {
  if (layer.display !== "maps") return html`<${Value} layer=${layer} unit=${unit} image=${image} ready=${ready} />`;
  if (!map) return html`<${Skeleton} kind="tile" />`;
  return html`<${ExactMap} values=${map.values} limits=${limits} colors=${colors} layer=${layer}
      label=${`Activation map of ${layer.name}:${unit} on ${image.name}`} />
    <span class="small soft">maximum ${formatNumber(valueRange(map.values)[1])}</span>`;
}

/** @param {{ layer: Layer, unit: number, image: ImageInfo, ready: boolean }} props */
function Value({ layer, unit, image, ready }) {
  const maps = useResource(ready ? paths.maps(layer.id, image) : null).value;
  return html`<b>${formatNumber(maps?.maximum[unit])}</b>`;
}
