// The bar that says which colour means which number.
import { table } from "../colours.js";
import { html, useEffect, useRef } from "../html.js";
import { figures } from "../numbers.js";

/** The bar with its ends (or words for the greatest) and, beside it, what it holds for. */
export function ScaleBar({ ends, colours, greatest, children }) {
  const canvas = useRef();
  useEffect(() => paintBar(canvas.current, colours), [colours]);
  const low = figures(ends[0]);
  const high = greatest ?? figures(ends[1]);
  return html`
    <div class="scale small">
      <span>${low}</span>
      <canvas ref=${canvas} width="256" height="1" role="img" aria-label=${`Colours from ${low} to ${high}`}></canvas>
      <span>${high}</span>
      <span class="soft">${children}</span>
    </div>`;
}

/** Paint the 256 colours from left to right. */
export function paintBar(canvas, colours) {
  const picture = new ImageData(256, 1);
  new Uint32Array(picture.data.buffer).set(table(colours));
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
