// @ts-check
// The images at the right: each with the position under the pointer, its predicted classes, and why they are predicted.
import { html, useState } from "../../lib/html.js";
import { paths } from "../../state/api.js";
import { useMapSheet } from "../../state/map_sheets.js";
import { hasOtherShape } from "../../state/network_index.js";
import { fieldCenter, positionAt, receptiveField, useFieldGeometry } from "../../state/receptive_fields.js";
import { go } from "../../state/routing.js";
import { imageAddress } from "../../state/webcam.js";
import { ChangeTag } from "../shared/change_notice.js";
import { Choice } from "../shared/controls.js";
import { WhyClass } from "./explanation.js";
import { MarkedImage, Mistake, Predictions } from "./marked_image.js";

/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").View} View */

const MOST_IMAGES = 3;

/**
 * @param {Omit<import("../../types.js").ViewProps, "layer"> & { layer: import("../../types.js").Layer | null,
 *   state: import("../../types.js").AppState }} props
 */
export function ShownImages({ view, net, layer, images, ready, state }) {
  const form = state.network?.form;
  const [masked, setMasked] = useState(true);
  const kind = !ready ? "image" : masked && state.network?.has_mask ? "mask" : "input";
  const sheet = useMapSheet(ready && layer?.display === "maps" ? layer.id : null, images[0]).value;
  const fields = useFieldGeometry(layer, form, sheet?.full);
  const positionOf =
    layer && fields && sheet
      ? (/** @type {number} */ down, /** @type {number} */ across, /** @type {ImageInfo} */ image) => {
          const [row, column] = positionAt(fields, down, across);
          const [height, width] = sheet.full;
          const field = receptiveField(fields, row, column);
          const center = fieldCenter(fields, row, column);
          return { layer: layer.id, image: image.id, row, column, height, width, field, center };
        }
      : null;
  return html`
    ${
      state.network?.has_mask &&
      html`<button class="mask-switch" aria-pressed=${masked} onClick=${() => setMasked(!masked)}>Predicted mask</button>`
    }
    ${
      images.some((image) => hasOtherShape(image, form)) &&
      html`<${Choice} label="An image of another shape (0)" options=${{ stretch: "Stretch", crop: "Crop" }}
          value=${view.fit} onChange=${(/** @type {View["fit"]} */ fit) => go({ fit })} />`
    }
    ${images.slice(0, MOST_IMAGES).map(
      (image) => html`
      <section key=${image.id}>
        <${MarkedImage} image=${image} src=${kind === "mask" ? paths.image(image, kind) : imageAddress(image, kind)} alt=${image.name}
            layer=${layer} positionOf=${positionOf} form=${form} />
        <p class="image-name"><b>${image.label ?? image.name}</b>
          ${image.label && html`<span class="small soft">${image.name}</span>`}
          <${Mistake} name=${image.mistake} kind="tag" /></p>
        <${ChangeTag} view=${view} />
        <${Predictions} view=${view} net=${net} image=${image} ready=${ready} />
        <${WhyClass} view=${view} net=${net} image=${image} ready=${ready} />
      </section>`,
    )}`;
}

