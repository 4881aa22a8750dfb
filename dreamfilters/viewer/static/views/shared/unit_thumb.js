// @ts-check
// A small image of a unit: its dream, else the position of its strongest image; empty where there is neither.
import { html } from "../../lib/html.js";
import { paths } from "../../state/api.js";
import { app } from "../../state/store.js";

/** @param {{ layer: import("../../types.js").Layer, unit: number }} props */
export function UnitThumb({ layer, unit }) {
  const version = app.use((state) => versionOf(state, layer.id, unit));
  return html`<img class="unit-thumb" src=${paths.unitThumb(layer.id, unit, version)} alt="" width="32" height="32"
      loading="lazy" />`;
}

/**
 * Return what changes with the image: the number of finished dreams, and whether the images are scanned.
 * @param {import("../../types.js").AppState} state @param {string} layer @param {number} unit
 */
function versionOf(state, layer, unit) {
  const dreams = Object.values(state.dreams).filter((dream) => dream.layer === layer && dream.unit === unit);
  return `${dreams.filter(({ phase }) => phase === "done").length}-${state.evidence.phase === "ready"}`;
}
