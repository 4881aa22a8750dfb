import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { colorTable, missingColor } from "../../../dreamfilters/viewer/static/lib/colormaps.js";
import {
  bytePalette,
  commonLimits,
  mapPainter,
  paintSheet,
  paintValues,
  valueRange,
} from "../../../dreamfilters/viewer/static/lib/map_painting.js";

// As much of a canvas as painting needs: it remembers the pixels that were put on it.
let created;

beforeEach(() => {
  created = [];
  globalThis.devicePixelRatio = 1;
  globalThis.ImageData = class {
    constructor(width, height) {
      Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
    }
  };
  globalThis.document = {
    createElement: () => {
      const canvas = {};
      const putImageData = (image) => (canvas.pixels = new Uint32Array(image.data.buffer));
      canvas.getContext = () => ({ putImageData });
      created.push(canvas);
      return canvas;
    },
  };
});

const sheetOf = (units, more = {}) => ({
  layer: "L0",
  image: "I0",
  display: "maps",
  width: 2,
  height: 1,
  minimum: Array(units).fill(0),
  maximum: Array.from({ length: units }, (_, unit) => unit + 1),
  bytes: Uint8Array.from({ length: 2 * units }, (_, index) => (index % 2 ? 255 : 0)),
  ...more,
});

test("a byte stands for a value between the unit's own extremes", () => {
  const palette = bytePalette({ minimum: [-1], maximum: [3] }, 0, [-1, 3], "gray");
  const table = colorTable("gray");
  assert.deepEqual([palette[0], palette[128], palette[255]], [table[0], table[128], table[255]]);
  const wider = bytePalette({ minimum: [0], maximum: [2] }, 0, [0, 4], "gray"); // half of the scale
  assert.deepEqual([wider[0], wider[255]], [table[0], table[128]]);
});

test("a unit without finite extremes has the color of missing values", () => {
  const palette = bytePalette({ minimum: [null], maximum: [null] }, 0, [0, 1], "magma");
  assert.deepEqual([...new Set(palette)], [missingColor("magma")]);
});

test("maps are painted below each other, in the order that is given", () => {
  const canvas = paintSheet(sheetOf(3), [2, 0], () => [0, 3], "gray");
  const table = colorTable("gray");
  assert.deepEqual([canvas.width, canvas.height], [2, 2]);
  assert.deepEqual([...canvas.pixels], [table[0], table[255], table[0], table[85]]); // 3 of 3, then 1 of 3
});

test("exact values are painted in rows, and what is missing has its own color", () => {
  const canvas = paintValues([[0, 1], [null, 2]], [0, 2], "gray");
  const table = colorTable("gray");
  assert.deepEqual([...canvas.pixels], [table[0], table[128], missingColor("gray"), table[255]]);
});

test("the units of a grid share canvases of 32 units, which are painted once", () => {
  const drawn = [];
  const context = { drawImage: (...values) => drawn.push(values) };
  const sheet = sheetOf(70);
  const units = sheet.maximum.map((_, unit) => unit);
  const paint = mapPainter(units, () => [0, 70], "gray");
  for (const index of [0, 31, 32, 69, 0]) assert.equal(paint(context, sheet, index, 0, 0, 76), true);
  assert.deepEqual(created.map((canvas) => canvas.height), [32, 32, 6]);
  const sources = drawn.map(([canvas, x, y, width, height]) => [created.indexOf(canvas), x, y, width, height]);
  assert.deepEqual(sources, [[0, 0, 0, 2, 1], [0, 0, 31, 2, 1], [1, 0, 0, 2, 1], [2, 0, 5, 2, 1], [0, 0, 0, 2, 1]]);
});

test("the least recently used canvas is dropped when there are more than 96", () => {
  const context = { drawImage: () => {} };
  const paint = mapPainter([0], () => [0, 1], "gray");
  const sheets = Array.from({ length: 97 }, (_, number) => sheetOf(1, { image: `I${number}` }));
  for (const sheet of sheets.slice(0, 96)) paint(context, sheet, 0, 0, 0, 76);
  paint(context, sheets[0], 0, 0, 0, 76); // used again, so that of sheet 1 is the oldest
  assert.equal(created.length, 96);
  paint(context, sheets[96], 0, 0, 0, 76);
  paint(context, sheets[0], 0, 0, 0, 76);
  assert.equal(created.length, 97);
  paint(context, sheets[1], 0, 0, 0, 76); // painted again
  assert.equal(created.length, 98);
});

test("a map that is not square keeps its shape in the middle of the tile", () => {
  let target;
  const paint = mapPainter([0], () => [0, 1], "gray");
  paint({ drawImage: (_canvas, _x, _y, _w, _h, ...to) => (target = to) }, sheetOf(1), 0, 10, 20, 80);
  assert.deepEqual(target, [10, 40, 80, 40]);
});

test("nothing is painted for bars or while a sheet is loading", () => {
  const paint = mapPainter([0], () => [0, 1], "gray");
  assert.equal(paint({}, undefined, 0, 0, 0, 76), false);
  assert.equal(paint({}, sheetOf(1, { display: "bars" }), 0, 0, 0, 76), false);
});

test("ranges ignore what is not finite, and common limits hold zero", () => {
  assert.deepEqual(valueRange([[null, 2], [NaN, -1]]), [-1, 2]);
  assert.deepEqual(valueRange([[null]]), [0, 0]);
  assert.deepEqual(commonLimits([{ values: [[2, 3]] }, { values: [[5]] }]), [0, 5]);
  assert.deepEqual(commonLimits([]), [0, 0]);
});
