// @ts-check
// Activation maps painted into canvases, one pixel for each position.
import { colorIndex, colorTable, missingColor } from "./colormaps.js";

/** @typedef {import("../types.js").Colormap} Colormap */
/** @typedef {import("../types.js").Limits} Limits */
/** @typedef {import("../types.js").MapSheet} MapSheet */
/** @typedef {(context: CanvasRenderingContext2D, sheet: MapSheet | undefined, index: number, x: number, y: number,
 *   side: number) => boolean} MapPainter */

const UNITS_A_CANVAS = 32;
const MOST_CANVASES = 96;

/** @param {HTMLCanvasElement} canvas */
export const contextOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/**
 * Paint the maps of `units` below each other: (units x height, width).
 * @param {MapSheet} sheet
 * @param {number[]} units
 * @param {(unit: number) => Limits} limitsOf
 * @param {Colormap} colors
 */
export function paintSheet(sheet, units, limitsOf, colors) {
  const { height, width, bytes } = sheet;
  const size = height * width;
  return painted(width, height * units.length, (pixels) =>
    units.forEach((unit, index) => {
      const palette = bytePalette(sheet, unit, limitsOf(unit), colors);
      for (let pixel = 0; pixel < size; pixel += 1) pixels[index * size + pixel] = palette[bytes[unit * size + pixel]];
    }),
  );
}

/**
 * Paint exact values, in rows.
 * @param {(number | null)[][]} values
 * @param {Limits} limits
 * @param {Colormap} colors
 * @param {HTMLCanvasElement} [canvas]
 */
export function paintValues(values, [low, high], colors, canvas) {
  const table = colorTable(colors);
  const [height, width] = [values.length, values[0]?.length ?? 0];
  /** @param {number | null} value */
  const colorOf = (value) =>
    value === null || !Number.isFinite(value) ? missingColor(colors) : table[colorIndex(value, low, high)];
  const fill = (/** @type {Uint32Array} */ pixels) =>
    values.forEach((row, y) => row.forEach((value, x) => (pixels[y * width + x] = colorOf(value))));
  return painted(width, height, fill, canvas);
}

/**
 * Paint the 256 colors from left to right.
 * @param {Colormap} colors
 * @param {HTMLCanvasElement} [canvas]
 */
export const paintColormap = (colors, canvas) => painted(256, 1, (pixels) => pixels.set(colorTable(colors)), canvas);

/**
 * @param {number} width
 * @param {number} height
 * @param {(pixels: Uint32Array) => void} fill
 * @param {HTMLCanvasElement} [canvas]
 */
function painted(width, height, fill, canvas = document.createElement("canvas")) {
  canvas.width = Math.max(1, width);
  canvas.height = Math.max(1, height);
  const image = new ImageData(canvas.width, canvas.height);
  fill(new Uint32Array(image.data.buffer));
  contextOf(canvas).putImageData(image, 0, 0);
  return canvas;
}

/**
 * Return the color of each of the 256 byte values of a unit.
 * @param {Pick<MapSheet, "minimum" | "maximum">} sheet
 * @param {number} unit
 * @param {Limits} limits
 * @param {Colormap} colors
 */
export function bytePalette(sheet, unit, [low, high], colors) {
  const table = colorTable(colors);
  const palette = new Uint32Array(256);
  const [least, most] = [sheet.minimum[unit], sheet.maximum[unit]];
  if (!Number.isFinite(least) || !Number.isFinite(most)) return palette.fill(missingColor(colors));
  return palette.map((_, byte) => table[colorIndex(least + (byte / 255) * (most - least), low, high)]);
}

/**
 * Return a painter of the map of `units[index]` into a square tile. It returns whether it painted.
 *
 * The maps of several units share a canvas, which is reused until it is the least recently used of too many.
 * @param {number[]} units
 * @param {(unit: number) => Limits} limitsOf
 * @param {Colormap} colors
 * @returns {MapPainter}
 */
export function mapPainter(units, limitsOf, colors) {
  /** @type {Map<string, HTMLCanvasElement>} */
  const canvases = new Map();
  /** @param {MapSheet} sheet @param {number} part */
  const canvasOf = (sheet, part) => {
    const key = `${sheet.layer} ${sheet.image} ${part}`;
    const canvas =
      canvases.get(key) ??
      paintSheet(sheet, units.slice(part * UNITS_A_CANVAS, (part + 1) * UNITS_A_CANVAS), limitsOf, colors);
    canvases.delete(key);
    canvases.set(key, canvas);
    if (canvases.size > MOST_CANVASES) canvases.delete(/** @type {string} */ (canvases.keys().next().value));
    return canvas;
  };
  return (context, sheet, index, x, y, side) => {
    if (sheet?.display !== "maps") return false;
    const { width, height } = sheet;
    context.imageSmoothingEnabled = width > side * devicePixelRatio;
    // A map that is not square keeps its shape, in the middle of the tile.
    const [wide, high] = width >= height ? [side, (side * height) / width] : [(side * width) / height, side];
    const [left, top] = [x + (side - wide) / 2, y + (side - high) / 2];
    const canvas = canvasOf(sheet, Math.floor(index / UNITS_A_CANVAS));
    context.drawImage(canvas, 0, (index % UNITS_A_CANVAS) * height, width, height, left, top, wide, high);
    return true;
  };
}

/**
 * Return the least and the greatest finite value of rows of numbers; [0, 0] where there is none.
 * @param {(number | null)[][]} values
 * @returns {Limits}
 */
export function valueRange(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const row of values) {
    for (const value of row) {
      if (value === null || !Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low > high ? [0, 0] : [low, high];
}

/**
 * Return limits that hold 0 and all values of several maps.
 * @param {{ values: (number | null)[][] }[]} maps
 * @returns {Limits}
 */
export function commonLimits(maps) {
  const ranges = maps.map((map) => valueRange(map.values));
  return [Math.min(0, ...ranges.map(([low]) => low)), Math.max(0, ...ranges.map(([, high]) => high))];
}
