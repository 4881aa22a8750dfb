// @ts-check
// The color scale: a colormap between its limits.
import { html, useEffect, useRef } from "../../lib/html.js";
import { paintColormap } from "../../lib/map_painting.js";
import { formatNumber } from "../../lib/number_format.js";

/**
 * The colormap between its limits and, after it, what the scale applies to.
 * @param {{ limits: import("../../types.js").Limits, colors: import("../../types.js").Colormap, highest?: string,
 *   children?: import("preact").ComponentChildren }} props `highest`: text in place of the upper limit
 */
export function ColorScale({ limits, colors, highest, children }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    if (canvas.current) paintColormap(colors, canvas.current);
  }, [colors]);
  const low = formatNumber(limits[0]);
  const high = highest ?? formatNumber(limits[1]);
  return html`
    <div class="scale small">
      <span>${low}</span>
      <canvas ref=${canvas} width="256" height="1" role="img" aria-label=${`Colors from ${low} to ${high}`}></canvas>
      <span>${high}</span>
      <span class="soft">${children}</span>
    </div>`;
}
