// @ts-check
// An image with the receptive field of the position under the pointer, and the classes that are predicted for it.
import { html, names } from "../../lib/html.js";
import { formatNumber, formatPercent } from "../../lib/number_format.js";
import { paths } from "../../state/api.js";
import { isClassLayer } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { anchorTo } from "../../state/routing.js";
import { pointer } from "../../state/store.js";
import { Failed, Skeleton } from "../shared/states.js";

/** @typedef {import("../../types.js").Box} Box */
/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").PointerPosition} PointerPosition */

/**
 * An image on which the position under the pointer is marked; a pointer over the image marks the maps.
 * @param {{ image: ImageInfo, src: string, alt: string, layer: import("../../types.js").Layer | null,
 *   form: import("../../types.js").InputForm | undefined,
 *   positionOf: ((down: number, across: number, image: ImageInfo) => PointerPosition) | null }} props
 */
export function MarkedImage({ image, src, alt, layer, positionOf, form }) {
  const at = pointer.use((state) => state.at);
  const move = (/** @type {PointerEvent} */ event) => {
    if (!positionOf) return;
    const { left, top, width, height } = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    pointer.set({ at: positionOf((event.clientY - top) / height, (event.clientX - left) / width, image) });
  };
  return html`
    <div class="marked-image" style=${{ aspectRatio: form ? `${form.width} / ${form.height}` : "1" }}
        onPointerMove=${move} onPointerLeave=${() => pointer.set({ at: null })}>
      <img src=${src} alt=${alt} />
      ${layer && at?.layer === layer.id && at.field && html`<${Outline} field=${at.field} center=${at.center} />`}
    </div>`;
}

/**
 * The outline of a receptive field and its center.
 * @param {{ field: Box, center?: [number, number] | null, dashed?: boolean }} props
 */
export function Outline({ field, center, dashed = false }) {
  const [top, left, bottom, right] = field.map((fraction) => 100 * fraction);
  return html`
    <svg class=${names("outline", dashed && "dashed")} viewBox="0 0 100 100" preserveAspectRatio="none"
        aria-hidden="true">
      <rect class="halo" x=${left} y=${top} width=${right - left} height=${bottom - top} />
      <rect x=${left} y=${top} width=${right - left} height=${bottom - top} />
    </svg>
    ${center && html`<i class="position" style=${{ top: `${100 * center[0]}%`, left: `${100 * center[1]}%` }}></i>`}`;
}

/**
 * The mark of a labeled image that is predicted as another class: the name of that class; nothing where it is null.
 * @param {{ name: string | null | undefined, kind?: "tag" | "badge" }} props "badge": on the image itself
 */
export const Mistake = ({ name, kind = "badge" }) =>
  name
    ? html`<span class=${`mistake ${kind}`} title=${`predicted: ${name}`}>
        ${kind === "tag" ? "predicted: " : html`<span class="visually-hidden">predicted: </span><span aria-hidden="true">≠ </span>`}${name}</span>`
    : null;

/**
 * The most probable classes of an image.
 * @param {Pick<import("../../types.js").ViewProps, "view" | "net" | "ready"> & { image: ImageInfo, change?: string }} props
 *   `change`: changed units of the network, by default those of the link; "" for the plain network
 */
export function Predictions({ view, net, image, ready, change }) {
  /** @type {import("../../types.js").Resource<{ classes: import("../../types.js").Prediction[] }>} */
  const predictions = useResource(ready ? paths.predictions(image, change) : null);
  if (predictions.phase === "failed") return html`<${Failed} error=${predictions.error} />`;
  if (!predictions.value) {
    return html`<ol class="predictions">${[1, 2, 3, 4, 5].map(() => html`<li><${Skeleton} kind="line" /></li>`)}</ol>`;
  }
  const { classes } = predictions.value;
  if (!classes.length) return html`<p class="small soft">This network has no class names.</p>`;
  const classLayer = net.layers.find(isClassLayer);
  return html`
    <ol class="predictions">
      ${classes.map(
        ({ index, name, logit, probability, share, predicted, color }, rank) => html`
        <li class=${names(rank === 0 && predicted && "best")} key=${index}>
          <${classLayer ? "a" : "span"} title=${predictionTitle(index, logit, probability, share)}
              ...${classLayer && anchorTo(view, { layer: classLayer.name, unit: index, compare: [] })}>
            <span class="name">${color && html`<i class="swatch" style=${{ background: color }}></i>`}${name}</span>
            <b>${probability === null ? formatNumber(logit) : formatPercent(share ?? probability)}</b>
          <//>
          ${probability !== null && html`<${ShareBar} fraction=${share ?? probability} />`}
        </li>`,
      )}
    </ol>`;
}

/**
 * Return what the number beside a class is: a probability, the share of the image, or the value of a regression.
 * @param {number} index @param {number | null} logit @param {number | null} probability @param {number | null} share
 */
function predictionTitle(index, logit, probability, share) {
  if (probability === null) return "the value of the output";
  if (share !== null) return `class ${index}, predicted on ${formatPercent(share)} of the image`;
  return `class ${index}, logit ${formatNumber(logit)}`;
}

/**
 * A thin bar for a fraction.
 * @param {{ fraction: number }} props
 */
export const ShareBar = ({ fraction }) => html`
  <svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
    <rect class="ground" width="100" height="1" /><rect width=${100 * Math.max(0, fraction || 0)} height="1" />
  </svg>`;
