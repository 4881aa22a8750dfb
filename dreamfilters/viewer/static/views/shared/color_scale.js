// The bar that says which color means which number.
import { table } from "../../lib/colormaps.js";
import { html, useEffect, useRef } from "../../lib/html.js";
import { figures } from "../../lib/number_format.js";

/** The bar with its ends (or words for the greatest) and, beside it, what it holds for. */
export function ScaleBar({ ends, colors, greatest, children }) {
  const canvas = useRef();
  useEffect(() => paintBar(canvas.current, colors), [colors]);
  const low = figures(ends[0]);
  const high = greatest ?? figures(ends[1]);
  return html`
    <div class="scale small">
      <span>${low}</span>
      <canvas ref=${canvas} width="256" height="1" role="img" aria-label=${`Colors from ${low} to ${high}`}></canvas>
      <span>${high}</span>
      <span class="soft">${children}</span>
    </div>`;
}

/** Paint the 256 colors from left to right. */
export function paintBar(canvas, colors) {
  const image = new ImageData(256, 1);
  new Uint32Array(image.data.buffer).set(table(colors));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
