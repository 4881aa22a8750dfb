// @ts-check
// The units of a layer with the strongest response to an image: the dream of each once it is there, else its map.
import { html, useEffect, useMemo, useRef } from "../../lib/html.js";
import { contextOf, paintSheet } from "../../lib/map_painting.js";
import { formatNumber } from "../../lib/number_format.js";
import { useThemeColors } from "../../lib/theme_colors.js";
import { layerLimits, useMapSheet } from "../../state/map_sheets.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { useBackgroundDreams } from "../dream/background_dreams.js";
import { useDreamSheet } from "../dream/dream_sheet.js";

/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").MapSheet} MapSheet */
/** @typedef {{ count: number, side: number }} Tiles */

const GAP = 2;

/**
 * Return how many units a box of this width shows, and the side of each.
 * @param {number} width
 * @returns {Tiles}
 */
export function tilesOf(width) {
  const count = width < 300 ? 4 : width < 600 ? 8 : 12;
  return { count, side: Math.floor((width - 20) / count) - GAP };
}

/**
 * @param {{ layer: Layer, image: import("../../types.js").ImageInfo | undefined, ready: boolean, tiles: Tiles,
 *   view: import("../../types.js").View, isTurn: boolean, next: () => void }} props `isTurn`: its units are dreamed now
 */
export function StrongestUnits({ layer, image, ready, view, tiles, isTurn, next }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const theme = useThemeColors();
  const { count, side } = tiles;
  const sheet = useMapSheet(ready && image ? layer.id : null, image).value;
  const dreamed = view.show !== "map" && layer.dreamable;
  const dreams = useDreamSheet(dreamed ? layer : null);
  const units = useMemo(() => strongest(layer, sheet, count, Boolean(image)), [layer, sheet, count, image?.id]);
  useTurn(layer, units, dreamed && isTurn, next);
  useEffect(() => {
    if (!canvas.current) return;
    const density = devicePixelRatio || 1;
    Object.assign(canvas.current, { width: count * (side + GAP) * density, height: side * density });
    const context = contextOf(canvas.current);
    context.scale(density, density);
    const maps = sheet?.display === "maps" ? paintSheet(sheet, units, () => layerLimits([sheet]), view.colors) : null;
    units.forEach((unit, index) => {
      const x = index * (side + GAP);
      if (dreams.paint(context, unit, x, 0, side)) return;
      if (sheet && maps) {
        context.imageSmoothingEnabled = sheet.width > side * density;
        context.drawImage(maps, 0, index * sheet.height, sheet.width, sheet.height, x, 0, side, side);
      } else {
        context.strokeStyle = theme.line;
        context.strokeRect(x + 0.5, 0.5, side - 1, side - 1);
      }
    });
    canvas.current.dataset.dreams = String(units.filter((unit) => dreams.units.includes(unit)).length);
  });
  const size = { width: `${count * (side + GAP)}px`, height: `${side}px` };
  return html`<canvas ref=${canvas} class="strip" style=${size} role="img" aria-label=${label(sheet, layer)}></canvas>`;
}

/** @param {MapSheet | undefined} sheet @param {Layer} layer */
function label(sheet, layer) {
  if (!sheet) return "The maps are loading";
  const what = layer.display === "maps" ? "The strongest maps" : "The strongest units";
  return `${what}, up to ${formatNumber(layerLimits([sheet])[1])}`;
}

/** @param {Layer} layer @param {MapSheet | undefined} sheet @param {number} count @param {boolean} waits for the sheet */
function strongest(layer, sheet, count, waits) {
  if (!sheet) return waits ? [] : Array.from({ length: Math.min(count, layer.units) }, (_, unit) => unit);
  return Array.from(sheet.maximum.keys())
    .sort((a, b) => sheet.maximum[b] - sheet.maximum[a])
    .slice(0, count);
}

/**
 * Dream the units in the background while it is the layer's turn, then pass the turn on.
 * @param {Layer} layer @param {number[]} units @param {boolean} isTurn @param {() => void} next
 */
function useTurn(layer, units, isTurn, next) {
  useBackgroundDreams(isTurn ? layer : null, units);
  const left = app.use((state) => {
    if (!isTurn) return -1;
    const ended = Object.values(state.dreams).filter((dream) => dream.layer === layer.id && !isInProgress(dream.phase));
    const known = new Set(ended.map((dream) => dream.unit));
    return units.filter((unit) => !known.has(unit)).length;
  });
  useEffect(() => {
    if (isTurn && units.length && left === 0) next();
  }, [isTurn, units.length, left]);
}
