// @ts-check
// The grid on its canvas: where the cells are, which of them are visible, and how each is drawn.
import { fitText } from "../../lib/text_fit.js";

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {import("../../lib/theme_colors.js").ThemeColors} ThemeColors */
/** @typedef {ReturnType<typeof gridGeometry>} Geometry */
/** The part of a cell under a point: `tile` -1 is the label; `down` and `across` are fractions of the tile. */
/** @typedef {{ index: number, tile: number, down: number, across: number }} CellPart */
/** From and to, as fractions of the width. */
/** @typedef {[number, number]} Bar */
/** Texts from long to short; the value at the right. */
/** @typedef {{ texts: string[], right: string, bad?: boolean }} Label */
/**
 * @typedef {object} Scene what each cell shows
 * @property {number} width
 * @property {number} height
 * @property {number} scroll
 * @property {ThemeColors} theme
 * @property {number[]} units
 * @property {boolean} focused
 * @property {number} active index of the cell with the keyboard cursor
 * @property {number} hovered index of the cell under the pointer, -1 for none
 * @property {Set<number>} pinned units
 * @property {boolean} dreamable
 * @property {{ down: number, across: number } | null} mark the position under the pointer
 * @property {(context: Context, index: number, image: number, x: number, y: number, side: number) => boolean} paintMap
 * @property {(context: Context, unit: number, x: number, y: number, side: number) => boolean} paintDream
 * @property {(unit: number) => Bar[]} bars
 * @property {(unit: number) => Label} label
 */

export const TILE_SIDES = { s: 44, m: 76, l: 132 }; // CSS pixels
const GAP = 10;
const SEAM = 3; // between the tiles of one cell
const LABEL = 20;
const BAR = 8;
const BAR_STEP = BAR + 2;
const BAR_CELL = 148; // width of a cell that holds only bars
const PAD = 2; // room for the focus ring

/**
 * Return the geometry of a grid whose cells hold a tile for the dream, `maps` tiles and `bars` bars.
 * @param {{ width: number, count: number, size: keyof typeof TILE_SIDES, maps: number, bars: number,
 *   dream: boolean }} grid
 */
export function gridGeometry({ width, count, size, maps, bars, dream }) {
  const tiles = maps + (dream ? 1 : 0);
  const inner = Math.max(40, width - 2 * PAD);
  const tilesWidth = tiles ? tiles * TILE_SIDES[size] + (tiles - 1) * SEAM : BAR_CELL;
  const wanted = bars ? Math.max(tilesWidth, dream ? TILE_SIDES[size] : BAR_CELL) : tilesWidth;
  const columns = Math.max(1, Math.floor((inner + GAP) / (Math.min(inner, wanted) + GAP)));
  const cell = Math.floor((inner - (columns - 1) * GAP) / columns);
  const tile = tiles ? Math.floor((cell - (tiles - 1) * SEAM) / tiles) : 0;
  const barsHeight = bars ? bars * BAR_STEP + 2 : 0;
  const height = tile + barsHeight + LABEL;
  const rows = Math.ceil(count / columns);
  const total = rows * (height + GAP) + PAD;
  return { columns, cell, tile, barsHeight, height, rows, tiles, bars, dream, count, total };
}

/**
 * Return the upper left corner of a cell in the whole grid.
 * @param {Geometry} geometry
 * @param {number} index
 */
export const cellCorner = (geometry, index) => [
  PAD + (index % geometry.columns) * (geometry.cell + GAP),
  PAD + Math.floor(index / geometry.columns) * (geometry.height + GAP),
];

/**
 * Return the range of visible cells: first, last + 1.
 * @param {Geometry} geometry
 * @param {number} scroll
 * @param {number} height
 */
export function visibleCells(geometry, scroll, height) {
  const row = (/** @type {number} */ y) => Math.floor((y - PAD) / (geometry.height + GAP));
  const { columns, count } = geometry;
  return [Math.max(0, row(scroll)) * columns, Math.min(count, (row(scroll + height) + 1) * columns)];
}

/**
 * Return the part of a cell under a point of the whole grid, null between cells.
 * @param {Geometry} geometry
 * @param {number} x
 * @param {number} y
 * @returns {CellPart | null}
 */
export function cellAt(geometry, x, y) {
  const column = Math.floor((x - PAD) / (geometry.cell + GAP));
  const row = Math.floor((y - PAD) / (geometry.height + GAP));
  const index = row * geometry.columns + column;
  if (column < 0 || column >= geometry.columns || row < 0 || index >= geometry.count) return null;
  const [left, top] = cellCorner(geometry, index);
  const [dx, dy] = [x - left, y - top];
  if (dx > geometry.cell || dy > geometry.height) return null;
  const tile = Math.floor(dx / (geometry.tile + SEAM));
  const [down, across] = [dy / geometry.tile, (dx - tile * (geometry.tile + SEAM)) / geometry.tile];
  const inTile = geometry.tile > 0 && down < 1 && tile < geometry.tiles && across <= 1;
  return inTile ? { index, tile, down, across } : { index, tile: -1, down: 0, across: 0 };
}

/**
 * Draw the visible cells.
 * @param {Context} context
 * @param {Geometry} geometry
 * @param {Scene} scene
 */
export function drawGrid(context, geometry, scene) {
  const { width, height, scroll, theme } = scene;
  context.clearRect(0, 0, width, height);
  context.font = `11.5px ${theme.font}`;
  context.textBaseline = "alphabetic";
  const [first, end] = visibleCells(geometry, scroll, height);
  for (let index = first; index < end; index += 1) {
    const [x, y] = cellCorner(geometry, index);
    drawCell(context, geometry, scene, index, x, y - scroll);
  }
}

/**
 * @param {Context} context
 * @param {Geometry} geometry
 * @param {Scene} scene
 * @param {number} index
 * @param {number} x
 * @param {number} y
 */
function drawCell(context, geometry, scene, index, x, y) {
  const { theme } = scene;
  const unit = scene.units[index];
  const side = geometry.tile;
  for (let tile = 0; tile < geometry.tiles; tile += 1) {
    const left = x + tile * (side + SEAM);
    const dream = geometry.dream && tile === 0;
    const painted = dream
      ? scene.paintDream(context, unit, left, y, side)
      : scene.paintMap(context, index, tile - (geometry.dream ? 1 : 0), left, y, side);
    if (!painted) drawPlaceholder(context, theme, left, y, side, dream && scene.dreamable);
  }
  if (!geometry.bars) drawMarks(context, geometry, scene, x, y);
  const barsTop = y + side + (side ? 4 : 2);
  scene.bars(unit).forEach((bar, line) => drawBar(context, theme, x, barsTop + line * BAR_STEP, geometry.cell, bar));
  drawLabel(context, geometry, scene, unit, x, y + side + geometry.barsHeight + 14);
  drawFrame(context, geometry, scene, index, x, y);
}

/**
 * @param {Context} context
 * @param {ThemeColors} theme
 * @param {number} x
 * @param {number} y
 * @param {number} side
 * @param {boolean} outlined
 */
function drawPlaceholder(context, theme, x, y, side, outlined) {
  context.fillStyle = theme.raised;
  context.fillRect(x, y, side, side);
  if (!outlined) return;
  context.strokeStyle = theme.line;
  context.setLineDash([3, 3]);
  context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  context.setLineDash([]);
}

/**
 * @param {Context} context
 * @param {ThemeColors} theme
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {Bar} bar
 */
function drawBar(context, theme, x, y, width, [from, to]) {
  context.fillStyle = theme.raised;
  context.fillRect(x, y, width, BAR);
  context.fillStyle = to >= from ? theme.real : theme.bars;
  context.fillRect(x + width * Math.min(from, to), y, Math.max(1, width * Math.abs(to - from)), BAR);
}

/**
 * Mark the position under the pointer on every map.
 * @param {Context} context
 * @param {Geometry} geometry
 * @param {Scene} scene
 * @param {number} x
 * @param {number} y
 */
function drawMarks(context, geometry, scene, x, y) {
  if (!scene.mark) return;
  const { down, across } = scene.mark;
  for (let tile = geometry.dream ? 1 : 0; tile < geometry.tiles; tile += 1) {
    const [cx, cy] = [x + tile * (geometry.tile + SEAM) + across * geometry.tile, y + down * geometry.tile];
    drawCircle(context, cx, cy, "rgb(0 0 0 / .75)", 3);
    drawCircle(context, cx, cy, "#fff", 1.25);
  }
  context.lineWidth = 1;
}

/**
 * @param {Context} context
 * @param {number} x
 * @param {number} y
 * @param {string} color
 * @param {number} lineWidth
 */
function drawCircle(context, x, y, color, lineWidth) {
  context.strokeStyle = color;
  context.lineWidth = lineWidth;
  context.beginPath();
  context.arc(x, y, 3.5, 0, 2 * Math.PI);
  context.stroke();
}

/**
 * Draw the longest text that fits, and the value where there is room for both.
 * @param {Context} context
 * @param {Geometry} geometry
 * @param {Scene} scene
 * @param {number} unit
 * @param {number} x
 * @param {number} y
 */
function drawLabel(context, { cell }, { theme, label }, unit, x, y) {
  const { texts, right, bad } = label(unit);
  const widthOf = (/** @type {string} */ text) => context.measureText(text).width;
  const left = texts.find((text) => widthOf(text) <= cell) ?? fitText(context, texts[texts.length - 1], cell);
  context.textAlign = "right";
  context.fillStyle = theme.soft;
  if (right && widthOf(left) + 6 + widthOf(right) <= cell) context.fillText(right, x + cell, y);
  context.textAlign = "left";
  context.fillStyle = bad ? theme.bad : theme.ink;
  context.fillText(left, x, y);
}

/**
 * Frame a cell that is active, under the pointer or pinned.
 * @param {Context} context
 * @param {Geometry} geometry
 * @param {Scene} scene
 * @param {number} index
 * @param {number} x
 * @param {number} y
 */
function drawFrame(context, { cell, tile, barsHeight }, scene, index, x, y) {
  const active = scene.active === index && scene.focused;
  const pinned = scene.pinned.has(scene.units[index]);
  if (!active && !pinned && scene.hovered !== index) return;
  context.lineWidth = active ? 2 : 1.5;
  context.strokeStyle = active || pinned ? scene.theme.accent : scene.theme.soft;
  if (pinned && !active) context.setLineDash([5, 3]);
  context.strokeRect(x - 1, y - 1, cell + 2, tile + barsHeight + 2);
  context.setLineDash([]);
  context.lineWidth = 1;
}
