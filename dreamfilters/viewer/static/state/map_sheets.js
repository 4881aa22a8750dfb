// @ts-check
// The maps of a layer for one image: numbers for each unit, and a block of bytes with all maps.
import { useRef } from "../lib/html.js";
import { getBytes, getJson, paths } from "./api.js";
import { useResource } from "./resources.js";

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").Limits} Limits */
/** @typedef {import("../types.js").MapSheet} MapSheet */

/**
 * Return the sheet of a layer and an image in a view.
 * @param {string | null | undefined} layer its id
 * @param {ImageInfo | undefined} image
 * @returns {import("../types.js").Resource<MapSheet>}
 */
export function useMapSheet(layer, image) {
  const known = layer && image ? { layer, image } : null;
  const address = known && paths.maps(known.layer, known.image);
  const sheet = useResource(address, () => fetchMapSheet(layer ?? "", /** @type {ImageInfo} */ (image)));
  const last = useRef(/** @type {MapSheet | undefined} */ (undefined));
  if (sheet.value) last.current = sheet.value;
  // The last maps of the webcam stay visible until the next ones arrive.
  const same = known && last.current?.layer === layer && last.current?.image === known.image.id;
  return sheet.phase === "loading" && same ? { ...sheet, value: last.current } : sheet;
}

/**
 * @param {string} layer
 * @param {ImageInfo} image
 * @returns {Promise<MapSheet>}
 */
async function fetchMapSheet(layer, image) {
  const maps = await getJson(paths.maps(layer, image));
  return { ...maps, bytes: maps.display === "maps" ? await getBytes(paths.sheet(layer, image)) : new Uint8Array() };
}

/**
 * Return the value of a unit's map at a position of the sheet, to the precision of a byte.
 * @param {MapSheet} sheet
 * @param {number} unit
 * @param {number} row
 * @param {number} column
 */
export function valueAt(sheet, unit, row, column) {
  if (sheet.display !== "maps") return sheet.maximum[unit];
  const fraction = sheet.bytes[(unit * sheet.height + row) * sheet.width + column] / 255;
  return sheet.minimum[unit] + fraction * (sheet.maximum[unit] - sheet.minimum[unit]);
}

/**
 * Return the limits of a unit's color scale. Several images share one scale.
 * @param {Pick<import("../types.js").View, "scale" | "low" | "high">} view
 * @param {MapSheet[]} sheets
 * @param {number} unit
 * @returns {Limits}
 */
export function scaleLimits(view, sheets, unit) {
  if (view.scale === "fixed") return [view.low, view.high];
  if (view.scale === "layer") return layerLimits(sheets);
  const least = Math.min(0, ...sheets.map((sheet) => sheet.minimum[unit]));
  return [least, Math.max(0, ...sheets.map((sheet) => sheet.maximum[unit]))];
}

/**
 * Return limits that hold 0 and every finite value of every unit.
 * @param {MapSheet[]} sheets
 * @returns {Limits}
 */
export function layerLimits(sheets) {
  let [low, high] = [0, 0];
  for (const sheet of sheets) {
    sheet.limits ??= [extreme(Math.min, sheet.minimum), extreme(Math.max, sheet.maximum)];
    low = Math.min(low, sheet.limits[0]);
    high = Math.max(high, sheet.limits[1]);
  }
  return [low, high];
}

/** @param {(a: number, b: number) => number} pick @param {number[]} values */
const extreme = (pick, values) =>
  values.reduce((best, value) => (Number.isFinite(value) ? pick(best, value) : best), 0);
