// Pinned units side by side: one row a unit, one column an image, one scale for all.
import { paths } from "../../state/api.js";
import { html } from "../../lib/html.js";
import { unitName } from "../../state/network_index.js";
import { figures } from "../../lib/number_format.js";
import { useResource } from "../../state/resources.js";
import { go, linkTo } from "../../state/routing.js";
import { extent } from "../../state/map_sheets.js";
import { app } from "../../state/store.js";
import { ExactMap } from "../shared/exact_map.js";
import { ScaleBar } from "../shared/color_scale.js";
import { Empty, Ghost } from "../shared/states.js";

const [UNITS, IMAGES] = [8, 4]; // at most

/** The table. */
export function Compare({ view, net, images, ready }) {
  const units = view.compare
    .map(({ layer, unit }) => ({ layer: net.byName.get(layer), unit }))
    .filter((one) => one.layer && one.unit < one.layer.units)
    .slice(0, UNITS);
  const shown = images.slice(0, IMAGES);
  const maps = Array.from({ length: UNITS * IMAGES }, (_, at) => {
    const [one, image] = [units[Math.floor(at / IMAGES)], shown[at % IMAGES]];
    return useResource(
      ready && one && image && one.layer.display === "maps" ? paths.map(one.layer.id, image, one.unit) : null,
    ).value;
  });
  if (!units.length)
    return html`<${Empty}
        title="Nothing is pinned">Press p on a unit, or Shift and the mouse, to pin it; then c compares.<//>`;
  const all = maps.filter((map) => map?.values).map((map) => extent(map.values));
  const ends =
    view.scale === "fixed"
      ? [view.low, view.high]
      : [Math.min(0, ...all.map(([low]) => low)), Math.max(0, ...all.map(([, high]) => high))];
  return html`
    <header class="head"><div><h1>Side by side</h1><p
        class="small soft">Shift and a press on an image above shows it here too.</p></div></header>
    ${all.length > 0 && html`<${ScaleBar} ends=${ends} colors=${view.colors}>one scale for everything here<//>`}
    <div class="table-wrap"><table class="compare">
      <thead><tr><th scope="col">unit</th><th scope="col">dream</th>${shown.map((image) => html`<th scope="col">
        <img class="image" src=${paths.image(image, "input")} alt="" /><span class="small">
          ${image.label ?? image.name}</span></th>`)}</tr></thead>
      <tbody>${units.map(
        ({ layer, unit }, row) => html`
        <tr key=${`${layer.id}:${unit}`}>
          <th scope="row"><a href=${linkTo(view, { layer: layer.name, unit, compare: [] })}>
            ${unitName(net, layer, unit)}</a>
            <button class="away" aria-label="Take it out" onClick=${() => takeOut(view, layer, unit)}>×</button></th>
          <td><${Dreamt} layer=${layer} unit=${unit} /></td>
          ${shown.map((image, column) => {
            const map = maps[row * IMAGES + column];
            return html`<td key=${image.id}>${
              layer.display !== "maps"
                ? html`<${Bar} layer=${layer} unit=${unit} image=${image} ready=${ready} />`
                : map?.values
                  ? html`<${ExactMap} values=${map.values} ends=${ends} colors=${view.colors} layer=${layer}
                      label=${`Where ${image.name} excites ${layer.name}:${unit}`} />
                        <span class="small soft">at most ${figures(extent(map.values)[1])}</span>`
                  : html`<${Ghost} kind="tile" />`
            }</td>`;
          })}
        </tr>`,
      )}</tbody>
    </table></div>`;
}

function takeOut(view, layer, unit) {
  const others = (all) => all.filter((one) => one.layer !== layer.name || one.unit !== unit);
  app.set({ pinned: others(app.get().pinned) });
  go({ compare: others(view.compare) });
}

function Dreamt({ layer, unit }) {
  const dreams = app.use((state) => state.dreams);
  const dream = Object.values(dreams).findLast((one) => one.layer === layer.id && one.unit === unit && one.image);
  return dream
    ? html`<img class="image" src=${paths.dreamImage(dream)} alt=${`The dream of ${layer.name}:${unit}`} />`
    : html`<div class="hollow small soft">not dreamt</div>`;
}

function Bar({ layer, unit, image, ready }) {
  const told = useResource(ready ? paths.maps(layer.id, image) : null).value;
  return html`<b>${figures(told?.maximum[unit])}</b>`;
}
