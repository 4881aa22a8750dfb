// @ts-check
// One activation map in exact values, with the value and the position under the pointer.
import { html, names, useEffect, useRef, useState } from "../../lib/html.js";
import { paintValues } from "../../lib/map_painting.js";
import { formatNumber } from "../../lib/number_format.js";
import { pointer } from "../../state/store.js";

/** @typedef {import("../../types.js").PointerPosition} PointerPosition */
/** @typedef {(row: number, column: number, height: number, width: number) => PointerPosition} PositionOf */

/**
 * @param {{ values: (number | null)[][], limits: import("../../types.js").Limits, label: string, layer: { id: string },
 *   colors: import("../../types.js").Colormap, positionOf?: PositionOf | null }} props
 *   `positionOf`: what other views show of a position of this map
 */
export function ExactMap({ values, limits, colors, label, positionOf, layer }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [hovered, setHovered] = useState(/** @type {{ row: number, column: number } | null} */ (null));
  const at = pointer.use((state) => state.at);
  useEffect(() => {
    if (canvas.current) paintValues(values, limits, colors, canvas.current);
  }, [values, limits[0], limits[1], colors]);
  const [height, width] = [values.length, values[0].length];
  const move = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    const row = indexAt((event.clientY - box.top) / box.height, height);
    const column = indexAt((event.clientX - box.left) / box.width, width);
    setHovered({ row, column });
    if (positionOf) pointer.set({ at: positionOf(row, column, height, width) });
  };
  const leave = () => {
    setHovered(null);
    pointer.set({ at: null });
  };
  const position = hovered ?? (at?.layer === layer.id && at.height === height ? at : null);
  const [row, column] = [position?.row ?? -1, position?.column ?? -1];
  const value = values[row]?.[column];
  return html`
    <div class="exact">
      <canvas ref=${canvas} class="map" role="img" aria-label=${label} onPointerMove=${move} onPointerLeave=${leave}>
        </canvas>
      ${
        value !== undefined &&
        html`<i class="position" style=${{ top: percentAt(row, height), left: percentAt(column, width) }}></i>
        <span class=${names("value", "small", row < height / 2 && "below")}>${row}, ${column}: <b>
          ${formatNumber(value)}</b></span>`
      }
    </div>`;
}

/** @param {number} fraction @param {number} count */
const indexAt = (fraction, count) => Math.min(count - 1, Math.max(0, Math.floor(fraction * count)));

/** @param {number} index @param {number} count */
const percentAt = (index, count) => `${(100 * (index + 0.5)) / count}%`;
