import assert from "node:assert/strict";
import test from "node:test";

import { colorIndex, colorTable, isBoosted, missingColor, toggleBoosted } from "../../../dreamfilters/viewer/static/lib/colormaps.js";

const channels = (color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255, color >>> 24];

test("gray goes from black to white in 256 equal steps", () => {
  const table = colorTable("gray");
  assert.equal(table.length, 256);
  for (const index of [0, 1, 128, 255]) assert.deepEqual(channels(table[index]), [index, index, index, 255]);
});

test("a colormap begins and ends with its first and last stop", () => {
  assert.deepEqual(channels(colorTable("magma")[0]), [0x00, 0x00, 0x04, 255]);
  assert.deepEqual(channels(colorTable("magma")[255]), [0xfc, 0xfd, 0xbf, 255]);
  assert.equal(colorTable("viridis"), colorTable("viridis")); // computed once
});

test("the color of a missing value is in no colormap", () => {
  for (const name of ["magma", "viridis", "gray"]) assert.ok(!colorTable(name).includes(missingColor(name)));
});

test("a value is clipped to the limits, and equal limits have the lowest color", () => {
  const cases = [[[0, 0, 2], 0], [[1, 0, 2], 128], [[9, 0, 2], 255], [[-9, 0, 2], 0], [[5, 5, 5], 0], [[0, -1, 3], 64]];
  for (const [[value, low, high], index] of cases) assert.equal(colorIndex(value, low, high), index);
});

test("a boosted colormap has the color of the square root", () => {
  const [plain, boosted] = [colorTable("gray"), colorTable("gray-boosted")];
  assert.deepEqual([boosted[0], boosted[255]], [plain[0], plain[255]]);
  assert.equal(boosted[64], plain[128]); // sqrt(64 / 255) * 255 = 127.7
  assert.equal(missingColor("gray-boosted"), missingColor("gray"));
  assert.deepEqual(["magma", "magma-boosted"].map(toggleBoosted), ["magma-boosted", "magma"]);
  assert.deepEqual(["magma", "magma-boosted"].map(isBoosted), [false, true]);
});
