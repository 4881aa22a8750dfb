// The grid's drawing: where the cells lie, and how those that are seen are painted on one canvas.
import { fitted } from "../../lib/text_fit.js";

const TILE = { s: 44, m: 76, l: 132 }; // CSS pixels
const GAP = 10;
const SEAM = 3; // between the tiles of one cell
const LABEL = 20;
const BAR = 8;
const WIDE = 148; // of a cell that holds only bars
const PAD = 2; // room for the focus ring

/** Return where cells lie: `maps` tiles a cell, or `bars` lines a cell, after a tile for the dream if there is one. */
export function geometry({ width, count, size, maps, bars, dream }) {
  const tiles = maps + (dream ? 1 : 0);
  const inner = Math.max(40, width - 2 * PAD);
  const wish = tiles ? tiles * TILE[size] + (tiles - 1) * SEAM : WIDE;
  const least = Math.min(inner, bars ? Math.max(wish, dream ? TILE[size] : WIDE) : wish);
  const columns = Math.max(1, Math.floor((inner + GAP) / (least + GAP)));
  const cell = Math.floor((inner - (columns - 1) * GAP) / columns);
  const tile = tiles ? Math.floor((cell - (tiles - 1) * SEAM) / tiles) : 0;
  const barred = bars ? bars * (BAR + 2) + 2 : 0;
  const high = tile + barred + LABEL;
  const rows = Math.ceil(count / columns);
  return { columns, cell, tile, barred, high, rows, tiles, bars, dream, count, total: rows * (high + GAP) + PAD };
}

/** The cell's corner in the whole grid: [x, y]. */
export const corner = (geo, at) => [
  PAD + (at % geo.columns) * (geo.cell + GAP),
  PAD + Math.floor(at / geo.columns) * (geo.high + GAP),
];

/** Which cells are seen: [first, last + 1]. */
export function seen(geo, scroll, height) {
  const row = (y) => Math.floor((y - PAD) / (geo.high + GAP));
  return [Math.max(0, row(scroll)) * geo.columns, Math.min(geo.count, (row(scroll + height) + 1) * geo.columns)];
}

/** What lies under a point of the whole grid: {at, tile, down, across} (tile -1: the label), or null. */
export function under(geo, x, y) {
  const column = Math.floor((x - PAD) / (geo.cell + GAP));
  const row = Math.floor((y - PAD) / (geo.high + GAP));
  const at = row * geo.columns + column;
  if (column < 0 || column >= geo.columns || row < 0 || at >= geo.count) return null;
  const [left, top] = corner(geo, at);
  const [dx, dy] = [x - left, y - top];
  if (dx > geo.cell || dy > geo.high) return null;
  const tile = Math.floor(dx / (geo.tile + SEAM));
  const across = (dx - tile * (geo.tile + SEAM)) / geo.tile;
  const inside = geo.tile && dy < geo.tile && tile < geo.tiles && across <= 1;
  return inside ? { at, tile, down: dy / geo.tile, across } : { at, tile: -1 };
}

/** Paint what is seen. `scene` says what each cell holds; nothing is remembered here. */
export function draw(context, geo, scene) {
  const { width, height, scroll, look } = scene;
  context.clearRect(0, 0, width, height);
  context.font = `11.5px ${look.font}`;
  context.textBaseline = "alphabetic";
  const [first, last] = seen(geo, scroll, height);
  for (let at = first; at < last; at += 1) {
    const [x, y] = corner(geo, at);
    cell(context, geo, scene, at, x, y - scroll);
  }
}

function cell(context, geo, scene, at, x, y) {
  const { look } = scene;
  const unit = scene.units[at];
  let left = x;
  for (let tile = 0; tile < geo.tiles; tile += 1) {
    const dream = geo.dream && tile === 0;
    const drawn = dream
      ? scene.paintDream(context, unit, left, y, geo.tile)
      : scene.paintMap(context, at, tile - (geo.dream ? 1 : 0), left, y, geo.tile);
    if (!drawn) blank(context, look, left, y, geo.tile, dream && scene.dreamable);
    left += geo.tile + SEAM;
  }
  if (!geo.bars) marks(context, geo, scene, x, y);
  scene
    .bars(unit)
    .forEach((share, line) =>
      bar(context, look, x, y + geo.tile + (geo.tile ? 4 : 2) + line * (BAR + 2), geo.cell, share),
    );
  label(context, geo, scene, unit, x, y + geo.tile + geo.barred + 14);
  frame(context, geo, scene, at, unit, x, y);
}

function blank(context, look, x, y, side, hollow) {
  context.fillStyle = look.raised;
  context.fillRect(x, y, side, side);
  if (!hollow) return;
  context.strokeStyle = look.line;
  context.setLineDash([3, 3]);
  context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  context.setLineDash([]);
}

function bar(context, look, x, y, width, [from, to]) {
  context.fillStyle = look.raised;
  context.fillRect(x, y, width, BAR);
  context.fillStyle = to >= from ? look.real : look.bars;
  context.fillRect(x + width * Math.min(from, to), y, Math.max(1, width * Math.abs(to - from)), BAR);
}

// The place under the pointer, on every map alike.
function marks(context, geo, scene, x, y) {
  if (!scene.mark) return;
  const { down, across } = scene.mark;
  for (let tile = geo.dream ? 1 : 0; tile < geo.tiles; tile += 1) {
    const [cx, cy] = [x + tile * (geo.tile + SEAM) + across * geo.tile, y + down * geo.tile];
    for (const [color, thick] of [
      ["rgb(0 0 0 / .75)", 3],
      ["#fff", 1.25],
    ]) {
      context.strokeStyle = color;
      context.lineWidth = thick;
      context.beginPath();
      context.arc(cx, cy, 3.5, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  context.lineWidth = 1;
}

// The longest of the texts that fits, and the value if there is room for both.
function label(context, geo, scene, unit, x, y) {
  const { texts, right, bad } = scene.label(unit);
  const { look } = scene;
  const wide = (text) => context.measureText(text).width;
  const left = texts.find((text) => wide(text) <= geo.cell) ?? fitted(context, texts.at(-1), geo.cell);
  context.textAlign = "right";
  context.fillStyle = look.soft;
  if (right && wide(left) + 6 + wide(right) <= geo.cell) context.fillText(right, x + geo.cell, y);
  context.textAlign = "left";
  context.fillStyle = bad ? look.bad : look.ink;
  context.fillText(left, x, y);
}

function frame(context, geo, scene, at, unit, x, y) {
  const { look } = scene;
  const strong = scene.active === at && scene.focused;
  if (!strong && scene.hover !== at && !scene.pinned.has(unit)) return;
  context.lineWidth = strong ? 2 : 1.5;
  context.strokeStyle = strong || scene.pinned.has(unit) ? look.accent : look.soft;
  if (scene.pinned.has(unit) && !strong) context.setLineDash([5, 3]);
  context.strokeRect(x - 1, y - 1, geo.cell + 2, geo.tile + geo.barred + 2);
  context.setLineDash([]);
  context.lineWidth = 1;
}
