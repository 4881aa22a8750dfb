// @ts-check
// The image of a map that is pointed at or shown: its name and class, and the images nearest to it in the features.
import { html, useEffect, useRef } from "../../lib/html.js";
import { drawThumbnail, isDream } from "./map_painting.js";

/** @typedef {import("../../types.js").EmbeddingMap} EmbeddingMap */
/** @typedef {{ map: EmbeddingMap, sheets: HTMLImageElement[], loaded: number, index: number }} OfMap */

const SIDE = 64; // pixels of a thumbnail

/** @param {OfMap & { open: (index: number) => void }} props `index`: -1 for none */
export function MapImage({ open, ...props }) {
  const { map, index } = props;
  if (index < 0) return html`<p class="map-image small soft" role="status">Point at an image.</p>`;
  return html`
    <div class="map-image">
      <${Thumbnail} ...${props} />
      <p class="small" role="status"><b>${map.names[index]}</b><span class="soft">${className(map, index)}</span></p>
      <div class="map-near" role="group" aria-label="Nearest in the features">
        <span class="small soft">nearest:</span>
        ${map.neighbors[index].map((near) => {
          const title = [map.names[near], className(map, near)].filter(Boolean).join(", ");
          return html`<button key=${near} class="quiet" title=${title} aria-label=${title} disabled=${!map.images[near] && !isDream(map, near)}
              onClick=${() => open(near)}><${Thumbnail} ...${props} index=${near} /></button>`;
        })}
      </div>
    </div>`;
}

/** @param {EmbeddingMap} map @param {number} index */
const className = (map, index) => {
  const name = map.classes[map.numbers[index]] ?? "";
  return isDream(map, index) ? ["dream", name].filter(Boolean).join(" of ") : name;
};

/** @param {OfMap} props */
function Thumbnail({ map, sheets, loaded, index }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    const brush = canvas.current?.getContext("2d");
    brush?.clearRect(0, 0, SIDE, SIDE);
    if (brush) drawThumbnail(brush, map, sheets, index, 0, 0, SIDE);
  }, [map, index, loaded]);
  return html`<canvas ref=${canvas} width=${SIDE} height=${SIDE} aria-hidden="true"></canvas>`;
}
