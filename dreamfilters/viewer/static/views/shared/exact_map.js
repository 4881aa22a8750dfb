// One map in its exact values: the value under the pointer, the same place marked wherever it is shown.
import { html, names, useEffect, useRef, useState } from "../../lib/html.js";
import { figures } from "../../lib/number_format.js";
import { paintValues } from "../../state/map_sheets.js";
import { pointer } from "../../state/store.js";

/** `values` rows of numbers; `mark` makes of a place what the page is told of it. */
export function ExactMap({ values, ends, colors, label, mark, layer }) {
  const canvas = useRef();
  const [value, setValue] = useState(null);
  const at = pointer.use((state) => state.at);
  useEffect(() => {
    paintValues(canvas.current, values, ends, colors);
  }, [values, ends[0], ends[1], colors]);
  const [height, width] = [values.length, values[0].length];
  const point = (event) => {
    const { left, top, width: wide, height: high } = canvas.current.getBoundingClientRect();
    const row = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - top) / high) * height)));
    const column = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - left) / wide) * width)));
    setValue({ row, column });
    if (mark) pointer.set({ at: mark(row, column, height, width) });
  };
  const leave = () => {
    setValue(null);
    pointer.set({ at: null });
  };
  const place = value ?? (at?.layer === layer?.id && at?.row !== undefined && at.height === height ? at : null);
  const share = (at, count) => `${(100 * (at + 0.5)) / count}%`;
  const inside = place && values[place.row]?.[place.column] !== undefined;
  return html`
    <div class="exact">
      <canvas ref=${canvas} class="map" role="img" aria-label=${label} onPointerMove=${point} onPointerLeave=${leave}>
        </canvas>
      ${
        inside &&
        html`<i class=${names("spot", "on-map")}
            style=${{ top: share(place.row, height), left: share(place.column, width) }}></i>
        <span class=${names("value", "small", place.row < height / 2 && "below")}>${place.row}, ${place.column}: <b>
          ${figures(values[place.row][place.column])}</b></span>`
      }
    </div>`;
}
