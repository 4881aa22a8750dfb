import assert from "node:assert/strict";
import test from "node:test";

import {
  cellAt,
  cellCorner,
  gridGeometry,
  visibleCells,
} from "../../../dreamfilters/viewer/static/views/layer/grid_canvas.js";

// 4 + 76 * 4 + 10 * 3 = 338: four columns of one medium tile.
const four = gridGeometry({ width: 338, count: 10, size: "m", maps: 1, bars: 0, dream: false });

test("as many columns as fit, and rows for the rest", () => {
  assert.deepEqual([four.columns, four.cell, four.tile, four.height, four.rows], [4, 76, 76, 96, 3]);
  assert.equal(four.total, 3 * (96 + 10) + 2);
  assert.equal(gridGeometry({ width: 337, count: 10, size: "m", maps: 1, bars: 0, dream: false }).columns, 3);
});

test("a cell holds the dream and the maps of all images beside each other", () => {
  const grid = gridGeometry({ width: 338, count: 10, size: "m", maps: 2, bars: 0, dream: true });
  assert.deepEqual([grid.tiles, grid.columns, grid.cell], [3, 1, 334]);
  assert.equal(grid.tile, 109); // (334 - 2 * 3) / 3
});

test("a narrow screen has one column that is not wider than it", () => {
  const grid = gridGeometry({ width: 60, count: 3, size: "l", maps: 1, bars: 0, dream: false });
  assert.deepEqual([grid.columns, grid.cell], [1, 56]);
});

test("bars are below each other, with room for their label", () => {
  const grid = gridGeometry({ width: 462, count: 5, size: "m", maps: 0, bars: 2, dream: false });
  assert.deepEqual([grid.tile, grid.columns, grid.barsHeight, grid.height], [0, 2, 22, 42]);
});

test("cells are in rows from the upper left corner", () => {
  assert.deepEqual(cellCorner(four, 0), [2, 2]);
  assert.deepEqual(cellCorner(four, 5), [88, 108]);
});

test("only the rows that are in sight are visible", () => {
  assert.deepEqual(visibleCells(four, 0, 100), [0, 4]);
  assert.deepEqual(visibleCells(four, 110, 100), [4, 8]);
  assert.deepEqual(visibleCells(four, 0, 5000), [0, 10]);
});

test("a point is on a tile, on a label, or between cells", () => {
  assert.deepEqual(cellAt(four, 88 + 38, 108 + 19), { index: 5, tile: 0, down: 0.25, across: 0.5 });
  assert.deepEqual(cellAt(four, 88 + 38, 108 + 80), { index: 5, tile: -1, down: 0, across: 0 });
  assert.equal(cellAt(four, 2 + 80, 50), null);
  assert.equal(cellAt(four, 200, 2 + 2 * 106 + 5), null); // the last row has two cells
});
