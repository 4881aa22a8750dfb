// @ts-check
// Images of an evaluation: label, predicted class and its probability; a click shows the image.
import { html } from "../../lib/html.js";
import { formatPercent } from "../../lib/number_format.js";
import { showImageOf } from "../../state/actions.js";
import { paths } from "../../state/api.js";

/** @typedef {import("../../types.js").EvaluatedImage} EvaluatedImage */
/** @typedef {import("../../types.js").NetworkIndex} NetworkIndex */

/**
 * @param {{ net: NetworkIndex, images: EvaluatedImage[], none: string, brief?: boolean }} props `brief`: without classes
 */
export function EvaluatedImages({ net, images, none, brief = false }) {
  if (!images.length) return html`<p class="small soft line">${none}</p>`;
  return html`
    <div class="evaluated">${images.map(({ image, name, label, predicted, confidence }) => {
      const text = predicted < 0 ? "no class" : (net.classes[predicted] ?? `class ${predicted}`);
      const share = confidence === null ? "" : formatPercent(confidence);
      return html`
        <button key=${image} class="thumb" onClick=${() => showImageOf(image)}
            title=${`${name}: ${net.classes[label]}, predicted as ${text} ${share}`}>
          <img src=${paths.image({ id: image }, "thumb")} alt=${name} width="72" height="72" loading="lazy" />
          ${!brief && html`<span class="small label">${net.classes[label]}</span>`}
          ${!brief && label !== predicted && html`<span class="small bad">≠ ${text}</span>`}
          <span class="small soft">${share}</span>
        </button>`;
    })}</div>`;
}
