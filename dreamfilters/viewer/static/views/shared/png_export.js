// @ts-check
// A view as a PNG file: all of it, also what is outside the scrolled area, with title, scale and labels.
import { commonLimits, contextOf, mapPainter, paintColormap, paintValues, valueRange } from "../../lib/map_painting.js";
import { formatNumber, formatShape } from "../../lib/number_format.js";
import { themeColors } from "../../lib/theme_colors.js";
import { attempt } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { changesText } from "../../state/changes.js";
import { layerLimits } from "../../state/map_sheets.js";
import { fetchResource } from "../../state/resources.js";
import { strongestImages } from "../../state/selectors.js";
import { showMessage } from "../../state/store.js";

/** @typedef {import("../../types.js").Limits} Limits */
/** @typedef {import("../../types.js").MapSheet} MapSheet */
/** @typedef {import("../../types.js").UnitMap} UnitMap */
/** @typedef {import("../../types.js").ViewProps} ViewProps */
/** @typedef {{ label: string, width: number,
 *   draw: (context: CanvasRenderingContext2D, x: number, y: number) => void }} Tile */
/** @typedef {{ title: string, subtitle: string, tiles: Tile[], tileHeight: number, limits: Limits | null,
 *   colors: import("../../types.js").Colormap, columns: number }} Sheet */

const MARGIN = 24;
const HEADER = 64;
const LABEL = 20;
const GAP = 10;
const SEAM = 3; // between the maps of one tile
const LARGEST_SIDE = 8000; // pixels; some browsers draw no larger canvas
const UNIT_TILE = 160;
const IMAGES = 3;
const STRONGEST = 9;

/**
 * Save the units of a layer in their order and colors.
 * @param {Pick<ViewProps, "view" | "layer" | "images"> & { sheets: (MapSheet | undefined)[], units: number[],
 *   limitsOf: (unit: number) => Limits, side: number }} subject `side`: pixels of a map
 */
export function saveGrid({ view, layer, images, sheets, units, limitsOf, side }) {
  return attempt(async () => {
    const loaded = sheets.flatMap((sheet) => sheet ?? []);
    if (!loaded.length) throw new Error("The maps are still loading.");
    const paint = mapPainter(units, limitsOf, view.colors);
    /** @type {Tile[]} */
    const tiles = units.map((unit, index) => ({
      label: loaded[0].display === "bars" ? `${unit}: ${formatNumber(loaded[0].maximum[unit])}` : `${unit}`,
      width: side * loaded.length + SEAM * (loaded.length - 1),
      draw: (context, x, y) =>
        loaded.forEach((sheet, number) => paint(context, sheet, index, x + number * (side + SEAM), y, side)),
    }));
    const imageNames = images.map((image) => image.label ?? image.name).join(", ");
    const scale = { unit: "one for each unit", layer: "one for the layer", fixed: "fixed" }[view.scale];
    const subtitle = `${changeNote(view)}${imageNames}; ${formatShape(layer.shape)}; scale: ${scale}`;
    /** @type {Record<typeof view.scale, Limits | null>} */
    const limits = { unit: null, layer: layerLimits(loaded), fixed: [view.low, view.high] };
    const sheet = { title: layer.name, subtitle, tiles, tileHeight: side, colors: view.colors, columns: 16 };
    await saveCanvas(drawSheet({ ...sheet, limits: limits[view.scale] }), `${layer.name}.png`);
  });
}

/**
 * Save a unit: its dream, the images and the strongest images, each above its map, on one scale.
 * @param {Pick<ViewProps, "view" | "layer" | "images"> & { unit: number, name: string,
 *   facts: import("../../types.js").UnitFacts | undefined, dream: import("../../types.js").Dream | null }} subject
 */
export function saveUnit({ view, layer, unit, name, facts, images, dream }) {
  return attempt(async () => {
    const columns = [
      ...(dream?.phase === "done"
        ? [{ label: "dream", value: dream.score, image: paths.dreamImage(dream), map: paths.dreamMap(dream) }]
        : []),
      ...images.slice(0, IMAGES).map((image) => ({
        label: image.label ?? image.name,
        value: null,
        image: paths.image(image, "input"),
        map: paths.map(layer.id, image, unit),
      })),
      ...strongestImages(facts, STRONGEST).map(({ image: id, name: label, response }) => ({
        label,
        value: response,
        image: paths.image({ id }, "input"),
        map: paths.map(layer.id, { id }, unit),
      })),
    ];
    /** @type {(UnitMap | null)[]} */
    const maps =
      layer.display === "maps"
        ? await Promise.all(columns.map(({ map }) => fetchResource(map).catch(() => null)))
        : columns.map(() => null);
    const pixels = await Promise.all(columns.map(({ image }) => loadImage(image)));
    const loaded = maps.flatMap((map) => map ?? []);
    const limits = loaded.length ? commonLimits(loaded) : null;
    const tiles = columns.map(({ label, value }, index) =>
      unitTile(label, value, pixels[index], maps[index], limits, view.colors),
    );
    const subtitle = `${changeNote(view)}${facts?.verdict?.sentence ?? `unit ${unit} of ${layer.name}`}`;
    const tileHeight = limits ? 2 * UNIT_TILE + 6 : UNIT_TILE;
    const sheet = { title: name, subtitle, tiles, tileHeight, limits, colors: view.colors, columns: columns.length };
    await saveCanvas(drawSheet(sheet), `${name}.png`);
  });
}

/**
 * @param {string} label
 * @param {number | null} value shown where there is no map
 * @param {HTMLImageElement | null} image
 * @param {UnitMap | null} map
 * @param {Limits | null} limits
 * @param {import("../../types.js").Colormap} colors
 * @returns {Tile}
 */
function unitTile(label, value, image, map, limits, colors) {
  const response = map ? valueRange(map.values)[1] : value;
  return {
    label: response === null ? label : `${formatNumber(response)} ${label}`,
    width: UNIT_TILE,
    draw: (context, x, y) => {
      context.imageSmoothingEnabled = true;
      if (image) context.drawImage(image, x, y, UNIT_TILE, UNIT_TILE);
      if (!map || !limits) return;
      context.imageSmoothingEnabled = false;
      context.drawImage(paintValues(map.values, limits, colors), x, y + UNIT_TILE + 6, UNIT_TILE, UNIT_TILE);
    },
  };
}

/** What a file says first of a changed network. @param {Pick<import("../../types.js").View, "changes">} view */
const changeNote = ({ changes }) => (changes.length ? `CHANGED NETWORK: ${changesText(changes)}; ` : "");

/** @param {Sheet} sheet */
function drawSheet({ title, subtitle, tiles, tileHeight, limits, colors, columns }) {
  const theme = themeColors();
  const across = Math.max(1, Math.min(columns, tiles.length));
  const rows = Math.ceil(tiles.length / across);
  const [stepX, stepY] = [(tiles[0]?.width ?? 0) + GAP, tileHeight + LABEL + GAP];
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(LARGEST_SIDE, Math.max(480, 2 * MARGIN + across * stepX - GAP));
  canvas.height = Math.min(LARGEST_SIDE, 2 * MARGIN + HEADER + rows * stepY);
  const context = contextOf(canvas);
  context.fillStyle = theme.ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  write(context, title, `600 20px ${theme.font}`, theme.ink, MARGIN, MARGIN + 18);
  write(context, subtitle, `12px ${theme.font}`, theme.soft, MARGIN, MARGIN + 38);
  if (limits) drawScale(context, limits, colors, theme);
  tiles.forEach((tile, index) => {
    const [x, y] = [MARGIN + (index % across) * stepX, MARGIN + HEADER + Math.floor(index / across) * stepY];
    tile.draw(context, x, y);
    context.save();
    context.beginPath();
    context.rect(x, y + tileHeight, tile.width, LABEL);
    context.clip();
    write(context, tile.label, `11.5px ${theme.font}`, theme.soft, x, y + tileHeight + 14);
    context.restore();
  });
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Limits} limits
 * @param {import("../../types.js").Colormap} colors
 * @param {import("../../lib/theme_colors.js").ThemeColors} theme
 */
function drawScale(context, [low, high], colors, theme) {
  const y = MARGIN + 50;
  const font = `11.5px ${theme.font}`;
  write(context, formatNumber(low), font, theme.soft, MARGIN, y + 8);
  const left = MARGIN + context.measureText(formatNumber(low)).width + 6;
  context.drawImage(paintColormap(colors), left, y, 160, 8);
  write(context, formatNumber(high), font, theme.soft, left + 166, y + 8);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {string} font
 * @param {string} color
 * @param {number} x
 * @param {number} y
 */
function write(context, text, font, color, x, y) {
  context.font = font;
  context.fillStyle = color;
  context.fillText(text, x, y);
}

/** @param {string} address @returns {Promise<HTMLImageElement | null>} null where it cannot be loaded */
function loadImage(address) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = address;
  });
}

/** @param {HTMLCanvasElement} canvas @param {string} name */
async function saveCanvas(canvas, name) {
  /** @type {Blob | null} */
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("The browser could not encode the PNG file.");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\p{L}\p{N}._-]+/gu, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  showMessage(`Saved ${link.download}.`);
}
