// All maps of a layer for one image: one description, one block of bytes, painted unit by unit with any scale.
import { bytes, get, paths } from "./api.js";
import { missing, place, table } from "../lib/colormaps.js";
import { useRef } from "../lib/html.js";
import { useResource } from "./resources.js";

/** Fetch the sheet of a layer (its id) and an image in a view: {phase, value, error}. */
export function useSheet(layer, image) {
  const known = layer && image;
  const told = useResource(known ? paths.maps(layer, image) : null, () => fetchSheet(layer, image));
  const last = useRef(null);
  if (told.value) last.current = told.value;
  // The webcam's next maps are awaited with the last ones in sight.
  const same = known && last.current?.layer === layer && last.current.image === image.id;
  return told.phase === "loading" && same ? { ...told, value: last.current } : told;
}

/** Return the sheet: its description with `bytes`, (units, height, width). */
export async function fetchSheet(layer, image) {
  const told = get(paths.maps(layer, image));
  const { display } = await told;
  return { ...(await told), bytes: display === "maps" ? await bytes(paths.sheet(layer, image)) : new Uint8Array() };
}

/** The value at a place of a unit's map, as near as a byte tells it. */
export function valueAt(sheet, unit, row, column) {
  if (sheet.display !== "maps") return sheet.maximum[unit];
  const share = sheet.bytes[(unit * sheet.height + row) * sheet.width + column] / 255;
  return sheet.minimum[unit] + share * (sheet.maximum[unit] - sheet.minimum[unit]);
}

/** The ends of the scale of one unit: `scale` as the link has it, over these sheets (several images, one scale). */
export function ends(view, sheets, unit) {
  if (view.scale === "fixed") return [view.low, view.high];
  if (view.scale === "layer") return whole(sheets);
  const least = Math.min(0, ...sheets.map((sheet) => sheet.minimum[unit]));
  return [least, Math.max(0, ...sheets.map((sheet) => sheet.maximum[unit]))];
}

/** The ends of a scale that holds every unit of these sheets, and 0. */
export function whole(sheets) {
  let low = 0;
  let high = 0;
  for (const sheet of sheets) {
    sheet.ends ??= [finite(Math.min, sheet.minimum), finite(Math.max, sheet.maximum)];
    low = Math.min(low, sheet.ends[0]);
    high = Math.max(high, sheet.ends[1]);
  }
  return [low, high];
}

const finite = (pick, values) => values.reduce((best, one) => (Number.isFinite(one) ? pick(best, one) : best), 0);

/** Paint maps of `units` one under the other into a canvas, (units x height, width), a pixel a place. */
export function paint(canvas, sheet, units, endsOf, colors) {
  const { height, width, bytes: shares } = sheet;
  canvas.width = width;
  canvas.height = Math.max(1, height * units.length);
  const image = new ImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const size = height * width;
  units.forEach((unit, at) => {
    const shade = shades(sheet, unit, endsOf(unit), colors);
    const from = unit * size;
    for (let pixel = 0; pixel < size; pixel += 1) pixels[at * size + pixel] = shade[shares[from + pixel]];
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** The color of each of the 256 bytes of a unit. */
function shades(sheet, unit, [low, high], colors) {
  const palette = table(colors);
  const [least, most] = [sheet.minimum[unit], sheet.maximum[unit]];
  const found = new Uint32Array(256);
  if (!Number.isFinite(least) || !Number.isFinite(most)) return found.fill(missing(colors));
  for (let byte = 0; byte < 256; byte += 1) {
    found[byte] = palette[place(least + (byte / 255) * (most - least), low, high)];
  }
  return found;
}

/** Paint exact values, rows of numbers, into a canvas. */
export function paintValues(canvas, values, [low, high], colors) {
  const [height, width] = [values.length, values[0]?.length ?? 0];
  canvas.width = Math.max(1, width);
  canvas.height = Math.max(1, height);
  const palette = table(colors);
  const image = new ImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  values.forEach((row, y) =>
    row.forEach((value, x) => {
      const known = Number.isFinite(value);
      pixels[y * width + x] = known ? palette[place(value, low, high)] : missing(colors);
    }),
  );
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** The least and the greatest of rows of numbers. */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const row of values) {
    for (const value of row) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low > high ? [0, 0] : [low, high];
}
