// @ts-check
// What starts an embedding of the images: the method, which the next one uses too, and the button.
import { html, names, useState } from "../../lib/html.js";
import { plural } from "../../lib/number_format.js";
import { startJob } from "../../state/actions.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { Select } from "../shared/controls.js";

/** @param {{ primary?: boolean }} props */
export function EmbedControls({ primary = false }) {
  const { embeddings, embedMethod, images, jobs, dreams } = app.use((state) => state);
  const [wanted, setWanted] = useState(true);
  const dreamed = new Set(
    Object.values(dreams).flatMap(({ layer, unit, phase }) => (phase === "done" ? `${layer}:${unit}` : [])),
  ).size;
  const scanned = images.some((image) => !image.uploaded);
  const open = Object.values(jobs).some(({ kind, phase }) => kind === "embed" && isInProgress(phase));
  const chosen = embeddings.find(({ name }) => name === embedMethod) ?? embeddings[0];
  return html`
    <div class="actions embed">
      <button class=${names(primary && "primary")} disabled=${!scanned || open || !chosen}
          onClick=${() => startJob("embed", { method: chosen.name, dreams: wanted && dreamed > 0 })}
          title=${scanned ? "A map of the images by their features, as ‘dreamfilters embed’" : "This needs a folder of images"}>Embed the images</button>
      ${
        chosen &&
        html`<${Select} label="Method of the map" value=${chosen.name}
            options=${Object.fromEntries(embeddings.map(({ name }) => [name, name]))}
            onChange=${(/** @type {string} */ method) => app.set({ embedMethod: method })} />`
      }
      ${
        dreamed > 0 &&
        html`<label class="field small" title="The newest dream of each unit, placed with the images"><input type="checkbox"
            checked=${wanted} onChange=${() => setWanted(!wanted)} /> with ${plural(dreamed, "dream")}</label>`
      }
    </div>`;
}
