// @ts-check
// What starts an embedding of the images: the method, which the next one uses too, and the button.
import { html, names } from "../../lib/html.js";
import { startJob } from "../../state/actions.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { Select } from "../shared/controls.js";

/** @param {{ primary?: boolean }} props */
export function EmbedControls({ primary = false }) {
  const { embeddings, embedMethod, images, jobs } = app.use((state) => state);
  const scanned = images.some((image) => !image.uploaded);
  const open = Object.values(jobs).some(({ kind, phase }) => kind === "embed" && isInProgress(phase));
  const chosen = embeddings.find(({ name }) => name === embedMethod) ?? embeddings[0];
  return html`
    <div class="actions embed">
      <button class=${names(primary && "primary")} disabled=${!scanned || open || !chosen}
          onClick=${() => startJob("embed", { method: chosen.name })}
          title=${scanned ? "A map of the images by their features, as ‘dreamfilters embed’" : "This needs a folder of images"}>Embed the images</button>
      ${
        chosen &&
        html`<${Select} label="Method of the map" value=${chosen.name}
            options=${Object.fromEntries(embeddings.map(({ name }) => [name, name]))}
            onChange=${(/** @type {string} */ method) => app.set({ embedMethod: method })} />`
      }
    </div>`;
}
