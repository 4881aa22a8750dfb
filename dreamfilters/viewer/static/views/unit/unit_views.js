// @ts-check
// A unit's dream, the images and the strongest images, each above its activation map, all maps on one scale.
import { html } from "../../lib/html.js";
import { commonLimits, valueRange } from "../../lib/map_painting.js";
import { formatNumber } from "../../lib/number_format.js";
import { startDream } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { scaleText } from "../../state/explanations.js";
import { fieldCenter, receptiveField, useFieldGeometry } from "../../state/receptive_fields.js";
import { useResource } from "../../state/resources.js";
import { linkTo } from "../../state/routing.js";
import { constantResponse, isInProgress, strongestImages } from "../../state/selectors.js";
import { app, explanation } from "../../state/store.js";
import { imageAddress } from "../../state/webcam.js";
import { Mistake, Outline } from "../images/marked_image.js";
import { ColorScale } from "../shared/color_scale.js";
import { ExactMap } from "../shared/exact_map.js";
import { Progress, Skeleton } from "../shared/states.js";

/** @typedef {import("../../types.js").Dream} Dream */
/** @typedef {import("../../types.js").Heatmap} Heatmap */
/** @typedef {import("../../types.js").ImageRef} ImageRef */
/** @typedef {import("../../types.js").NoExplanation} NoExplanation */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").UnitMap} UnitMap */
/** @typedef {import("../../types.js").ViewProps} ViewProps */

const MOST_IMAGES = 3;
const MOST_STRONGEST = 9; // as in the Deep Visualization Toolbox

/**
 * @param {Pick<ViewProps, "view" | "layer" | "images" | "ready"> & { unit: number, name: string, dream: Dream | null,
 *   dreamMap: UnitMap | undefined, facts: import("../../types.js").UnitFacts | undefined }} props
 */
export function UnitViews({ view, layer, unit, facts, dream, dreamMap, images, ready, name }) {
  const form = app.use((state) => state.network?.form);
  const strongest = strongestImages(facts, MOST_STRONGEST);
  const constant = constantResponse(facts);
  const changed = view.changes.length > 0;
  const hasMaps = layer.display === "maps";
  const loading = ready && hasMaps;
  const shown = images.slice(0, MOST_IMAGES);
  const imageMaps = useMaps(ready ? layer : null, unit, shown, MOST_IMAGES);
  const strongestRefs = strongest.map(({ image }) => ({ id: image }));
  const strongestMaps = useMaps(loading ? layer : null, unit, strongestRefs, MOST_STRONGEST);
  const measured = [...imageMaps, ...strongestMaps].flatMap((map) => map ?? []);
  const loaded = dreamMap ? [dreamMap, ...measured] : measured;
  const fields = useFieldGeometry(layer, form, measured.length ? [measured[0].height, measured[0].width] : null);
  /** @param {string} image @returns {import("../shared/exact_map.js").PositionOf} */
  const positionOf = (image) => (row, column, height, width) => {
    const field = fields && receptiveField(fields, row, column);
    const center = fields && fieldCenter(fields, row, column);
    return { layer: layer.id, unit, image, row, column, height, width, field, center };
  };
  const limits = view.scale === "fixed" ? [view.low, view.high] : commonLimits(loaded);
  const method = explanation.use((state) => state.backward);
  const common = { limits, colors: view.colors, layer, unit, ready, method: layer.dreamable ? method : "" };
  return html`
    <div class="unit-views">
      <${UnitView} ...${common} kind="dream-view" title="dream" value=${maximumOf(dreamMap)}
          image=${dream?.image && paths.dreamImage(dream)} map=${dreamMap} alt=${`The dream of ${name}`}
          note=${dream ? `seed ${dream.seed}${changed ? ", plain network" : ""}` : "no dream yet"}
          placeholder=${html`<${NoDream} layer=${layer} unit=${unit} dream=${dream} />`} />
      ${shown.map(
        (image, index) => html`
        <${UnitView} ...${common} key=${image.id} kind="user-image" title="image" value=${maximumOf(imageMaps[index])}
            image=${imageAddress(image, "input")} map=${imageMaps[index]} alt=${image.name}
            note=${image.label ?? image.name} mistake=${image.mistake} positionOf=${positionOf(image.id)}
            field=${strongestField(imageMaps[index])} loading=${loading} subject=${image} />`,
      )}
      ${strongest.map(
        (each, index) => html`
        <${UnitView} ...${common} title=${`top ${index + 1}`}
            value=${changed ? maximumOf(strongestMaps[index]) : each.response}
            image=${paths.image({ id: each.image }, "input")} map=${strongestMaps[index]} alt=${each.name}
            note=${each.label ?? each.name} mistake=${each.mistake} crop=${hasMaps && paths.crop(layer.id, unit, index)} field=${each.box}
            positionOf=${positionOf(each.image)} link=${linkTo(view, { images: [each.name] })} loading=${loading}
            subject=${{ id: each.image }} />`,
      )}
    </div>
    ${facts && !facts.strongest?.length && html`<${ScanProgress} />`}
    ${
      constant !== null &&
      html`<p class="small soft line">The response is ${formatNumber(constant)} for every image, so there are no
        strongest images.</p>`
    }
    ${
      loaded.length > 0 &&
      hasMaps &&
      html`<${ColorScale} limits=${limits} colors=${view.colors}>one scale for all maps of this unit${
        strongest.length > 0 &&
        `; below them the ${layer.kind === "tokens" ? "patch of the strongest token" : "receptive field of the strongest position"}`
      }<//>`
    }`;
}

/** The progress of the scan, or why there are no strongest images. */
function ScanProgress() {
  const { phase, done, total, note } = app.use((state) => state.evidence);
  if (isInProgress(phase)) {
    return html`<${Progress} done=${done}
        total=${total}>Searching for the strongest images: ${done} of ${total} scanned<//>`;
  }
  return html`<p class="small soft line">${note || "No evidence: there are no images to scan."}</p>`;
}

/**
 * Return the maps of a unit, with the same number of hooks in every render.
 * @param {Layer | null} layer
 * @param {number} unit
 * @param {ImageRef[]} images
 * @param {number} most
 * @returns {(UnitMap | undefined)[]}
 */
function useMaps(layer, unit, images, most) {
  const maps = Array.from(
    { length: most },
    (_, index) => useResource(layer && images[index] ? paths.map(layer.id, images[index], unit) : null).value,
  );
  return maps.slice(0, images.length);
}

/**
 * What is shown in place of a dream that has no image.
 * @param {{ layer: Layer, unit: number, dream: Dream | null }} props
 */
function NoDream({ layer, unit, dream }) {
  if (isInProgress(dream?.phase)) return html`in progress`;
  if (!layer.dreamable) return html`${layer.reason}`;
  return html`<button onClick=${() => startDream(layer.id, unit)}>Dream this unit</button>`;
}

/** The receptive field or patch of the strongest position; a constant map has none. @param {UnitMap | undefined} map */
function strongestField(map) {
  if (!map) return null;
  const [low, high] = valueRange(map.values);
  return low < high ? (map.box ?? null) : null;
}

/**
 * Return the maximum of a map, null where there is no map.
 * @param {UnitMap | undefined} map
 */
export const maximumOf = (map) => (map ? valueRange([...map.values, map.other_tokens ?? []])[1] : null);

/**
 * @param {{ title: string, value: number | null, alt: string, note: string, kind?: string,
 *   mistake?: string | null, image?: string | null, map?: UnitMap, crop?: string | false, link?: string, loading?: boolean,
 *   field?: import("../../types.js").Box | null, placeholder?: import("preact").ComponentChildren,
 *   positionOf?: import("../shared/exact_map.js").PositionOf, limits: import("../../types.js").Limits,
 *   colors: import("../../types.js").Colormap, layer: Layer, unit: number, ready: boolean, method: string,
 *   subject?: ImageRef }} props `subject`: the image that a backward pass by the method is shown for
 */
function UnitView(props) {
  const { kind = "", title, value, alt, note, mistake, image, crop, link, field, placeholder, layer } = props;
  const hasMaps = layer.display === "maps";
  const frame = html`${
    image
      ? html`<img class="image" src=${image} alt=${alt} />`
      : html`<div class="placeholder small soft">${placeholder}</div>`
  }
    ${field && hasMaps && html`<${Outline} field=${field} dashed />`}<${Mistake} name=${mistake} />`;
  return html`
    <figure class=${kind}>
      <figcaption class="small"><span>${title}</span><b>${value === null ? "" : formatNumber(value)}</b></figcaption>
      ${
        link
          ? html`<a class="frame" href=${link} title="Show this image">${frame}</a>`
          : html`<div class="frame">${frame}</div>`
      }
      ${hasMaps && html`<${MapTile} ...${props} />`}
      ${props.subject && props.method && html`<${Backward} ...${props} subject=${props.subject} />`}
      ${crop && html`<img class="crop" src=${crop} alt=${`The receptive field of the strongest position in ${alt}`} />`}
      <span class="name small soft" title=${note}>${note}</span>
    </figure>`;
}

/**
 * What a backward pass from the unit makes of an image.
 * @param {{ layer: Layer, unit: number, subject: ImageRef, method: string, ready: boolean, alt: string }} props
 */
export function Backward({ layer, unit, subject, method, ready, alt }) {
  const drawn = explanation.use((state) => state.drawn);
  /** @type {import("../../types.js").Resource<Heatmap | NoExplanation>} */
  const { value, error } = useResource(
    ready ? paths.heatmap({ layer: layer.id, unit }, subject, method, null, paths.change(), drawn) : null,
  );
  const reason = error?.message ?? value?.reason;
  if (reason) return html`<div class="placeholder small soft backward" title=${reason}>${reason}</div>`;
  if (value?.reason !== null) return html`<${Skeleton} kind="tile" />`;
  return html`<img class="image backward" src=${value.overlay} alt=${`${method} of the unit on ${alt}`}
      data-version=${subject.version ?? 0} title=${`${method}: ${value.legend}; full color: ${scaleText(value)}`} />`;
}

/** @param {Parameters<typeof UnitView>[0]} props */
function MapTile({ map, limits, colors, alt, positionOf, layer, image, loading }) {
  if (map) {
    const otherTokens = map.other_tokens ?? [];
    return html`<${ExactMap} values=${map.values} limits=${limits} colors=${colors} layer=${layer}
        label=${`Activation map of the unit on ${alt}`} positionOf=${positionOf} />
      ${
        otherTokens.length > 0 &&
        html`<span class="small soft" title="Class and register tokens, which are not part of the grid">
          other tokens: ${otherTokens.map((value) => formatNumber(value)).join(", ")}</span>`
      }`;
  }
  return image && loading ? html`<${Skeleton} kind="tile" />` : html`<div class="placeholder"></div>`;
}
