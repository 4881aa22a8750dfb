// Painted maps, some dozens of units to a canvas, kept while nothing about them changes.
import { paint } from "../state/map_sheets.js";

const UNITS = 32; // to a canvas
const LIMIT = 96; // canvases

/** Return a painter of the maps of `units`, in this order: (context, sheet, at, x, y, side) -> whether it painted. */
export function painter(units, endsOf, colors) {
  const kept = new Map();
  const canvasOf = (sheet, part) => {
    const key = `${sheet.layer} ${sheet.image} ${part}`;
    let canvas = kept.get(key);
    if (canvas) kept.delete(key);
    else
      canvas = paint(
        document.createElement("canvas"),
        sheet,
        units.slice(part * UNITS, (part + 1) * UNITS),
        endsOf,
        colors,
      );
    kept.set(key, canvas);
    if (kept.size > LIMIT) kept.delete(kept.keys().next().value);
    return canvas;
  };
  return (context, sheet, at, x, y, side) => {
    if (sheet?.display !== "maps") return false;
    const canvas = canvasOf(sheet, Math.floor(at / UNITS));
    context.imageSmoothingEnabled = sheet.width > side * devicePixelRatio;
    const { width, height } = sheet;
    // A map that is not square keeps its shape, in the middle of the tile.
    const [wide, high] = width >= height ? [side, (side * height) / width] : [(side * width) / height, side];
    const [left, top] = [x + (side - wide) / 2, y + (side - high) / 2];
    context.drawImage(canvas, 0, (at % UNITS) * height, width, height, left, top, wide, high);
    return true;
  };
}
