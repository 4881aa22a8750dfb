// The dream, the image and the strongest real images of a unit, each over its map, every map on one scale.
import { paths } from "../../state/api.js";
import { dream as begin } from "../../state/actions.js";
import { centerOf, fieldOf, usePlacing } from "../../state/receptive_fields.js";
import { html } from "../../lib/html.js";
import { figures } from "../../lib/number_format.js";
import { useResource } from "../../state/resources.js";
import { linkTo } from "../../state/routing.js";
import { extent } from "../../state/map_sheets.js";
import { app } from "../../state/store.js";
import { sameForAll, strongestOf, underWay } from "../../state/selectors.js";
import { ExactMap } from "../shared/exact_map.js";
import { Outline } from "../images/marked_image.js";
import { ScaleBar } from "../shared/color_scale.js";
import { Ghost, Progress } from "../shared/states.js";

const STRONGEST = 6;

/** Dream, images and strongest real images, each over its map; one scale for all. */
export function Sights({ view, layer, unit, facts, dream, dreamMap, images, ready, named }) {
  const form = app.use((state) => state.network.form);
  const [strongest, same] = [strongestOf(facts, STRONGEST), sameForAll(facts)];
  const bars = layer.display === "bars";
  const asked = ready && !bars;
  const mine = useMaps(ready ? layer : null, unit, images.slice(0, 3), 3);
  const theirs = useMaps(
    asked ? layer : null,
    unit,
    strongest.map((one) => ({ id: one.image })),
    STRONGEST,
  );
  const known = [dreamMap, ...mine, ...theirs].filter((map) => map?.values);
  const ends = scaleOf(view, known);
  const full = known.find((map) => map !== dreamMap);
  const placed = usePlacing(layer, form, full ? [full.height, full.width] : null);
  const mark = (image) => (row, column, height, width) => ({
    layer: layer.id,
    unit,
    image,
    row,
    column,
    height,
    width,
    field: placed && fieldOf(placed, row, column),
    center: placed && centerOf(placed, row, column),
  });
  const under = strongest.length && !bars ? "; under them what the strongest place sees" : "";
  const common = { ends, colors: view.colors, layer, bars };
  return html`
    <div class="sights">
      <${Sight} ...${common} kind="own" title="dream" value=${mostOf(dreamMap)}
          image=${dream?.image && paths.dreamImage(dream)}
        map=${dreamMap} alt=${`The dream of ${named}`} mark=${null}
        note=${dream ? `seed ${dream.seed}` : "not dreamt yet"} empty=${emptyOf(layer, unit, dream)} />
      ${images.slice(0, 3).map(
        (image, at) => html`
        <${Sight} ...${common} kind="user-image" title="image" value=${mostOf(mine[at])}
            image=${paths.image(image, "input")} map=${mine[at]}
          alt=${image.name} note=${image.label ?? image.name} mark=${mark(image.id)} field=${strongestField(mine[at])}
              key=${image.id} waiting=${asked} />`,
      )}
      ${strongest.map(
        (one, at) => html`
        <${Sight} ...${common} kind="" title=${`real ${at + 1}`} value=${one.response}
            image=${paths.image({ id: one.image }, "input")}
          map=${theirs[at]} alt=${one.name} note=${one.label ?? one.name}
              crop=${!bars && paths.crop(layer.id, unit, at)} field=${one.box}
          mark=${mark(one.image)} open=${linkTo(view, { images: [one.name] })} waiting=${asked} />`,
      )}
    </div>
    ${facts && !facts.strongest?.length && html`<${Waiting} />`}
    ${same !== null && html`<p class="small soft line">It answers all real images alike, with ${figures(same)}:
      none is its strongest.</p>`}
    ${known.length > 0 && !bars && html`<${ScaleBar} ends=${ends}
        colors=${view.colors}>one scale for all maps of this unit${under}<//>`}`;
}

function Waiting() {
  const evidence = app.use((state) => state.evidence);
  if (underWay(evidence.phase)) {
    return html`<${Progress} done=${evidence.done}
        total=${evidence.total}>Looking for the strongest real images: ${evidence.done} of ${evidence.total}<//>`;
  }
  return html`<p class="small soft line">${evidence.note || "No evidence: there are no images to look through."}</p>`;
}

function useMaps(layer, unit, images, most) {
  return Array.from(
    { length: most },
    (_, at) => useResource(layer && images[at] ? paths.map(layer.id, images[at], unit) : null).value,
  ).slice(0, images.length);
}

// What stands where a dream's image will be.
function emptyOf(layer, unit, dream) {
  if (underWay(dream?.phase)) return "on its way";
  return layer.dreamable ? html`<button onClick=${() => begin(layer.id, unit)}>Dream it</button>` : layer.reason;
}

// What the strongest place sees; a map that is the same everywhere has none.
function strongestField(map) {
  if (!map?.values) return null;
  const [low, high] = extent(map.values);
  return low < high ? map.box : null;
}

/** The greatest value of a map. */
export const mostOf = (map) => (map ? extent(map.values)[1] : undefined);

function scaleOf(view, maps) {
  if (view.scale === "fixed") return [view.low, view.high];
  const all = maps.map((map) => extent(map.values));
  return [Math.min(0, ...all.map(([low]) => low)), Math.max(0, ...all.map(([, high]) => high))];
}

function Sight({
  kind,
  title,
  value,
  image,
  map,
  alt,
  note,
  mark,
  field,
  crop,
  empty,
  open,
  ends,
  colors,
  layer,
  bars,
  waiting,
}) {
  const frame = html`${image ? html`<img class="image" src=${image} alt=${alt} />` : html`<div
      class="hollow small soft">${empty ?? ""}</div>`}
    ${field && !bars && html`<${Outline} field=${field} still />`}`;
  return html`
    <figure class=${kind}>
      <figcaption class="small"><span>${title}</span><b>${value === undefined || value === null ? "" : figures(value)}
        </b></figcaption>
      ${open ? html`<a class="frame" href=${open} title="Show this image">${frame}</a>` : html`<div class="frame">
        ${frame}</div>`}
      ${
        !bars &&
        (map?.values
          ? html`<${ExactMap} values=${map.values} ends=${ends} colors=${colors}
              label=${`Where ${alt} excites the unit`} mark=${mark} layer=${layer} />`
          : image && waiting
            ? html`<${Ghost} kind="tile" />`
            : html`<div class="hollow"></div>`)
      }
      ${crop && html`<img class="crop" src=${crop} alt=${`What the strongest place sees of ${alt}`} />`}
      <span class="name small soft" title=${note}>${note}</span>
    </figure>`;
}
