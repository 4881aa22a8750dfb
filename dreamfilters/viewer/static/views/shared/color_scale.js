// @ts-check
// The color scale: a colormap between its limits; and the keys that choose the colormap.
import { toggleBoosted } from "../../lib/colormaps.js";
import { html, useEffect, useRef } from "../../lib/html.js";
import { paintColormap } from "../../lib/map_painting.js";
import { useKeys } from "../../lib/keys.js";
import { formatNumber } from "../../lib/number_format.js";
import { choices, go } from "../../state/routing.js";

/**
 * Handle the keys of the colors while a view is mounted.
 * @param {import("../../types.js").View} view
 */
export function useColorKeys({ colors }) {
  const next = choices.colors[(choices.colors.indexOf(colors) + 1) % choices.colors.length];
  useKeys({ m: () => go({ colors: next }), g: () => go({ colors: toggleBoosted(colors) }) });
}

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
