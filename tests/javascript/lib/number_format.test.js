import assert from "node:assert/strict";
import test from "node:test";

import {
  axisTicks,
  formatCount,
  formatNumber,
  formatPercent,
  formatShape,
  plural,
} from "../../../dreamfilters/viewer/static/lib/number_format.js";

test("numbers have three significant digits", () => {
  const expected = [
    [0, "0"],
    [1, "1.00"],
    [0.6431, "0.643"],
    [-0.0079, "−0.00790"],
    [12.34, "12.3"],
    [999.6, "1000"],
    [12345, "12345"],
    [2.3e9, "2.30e9"],
    [1e-7, "1.00e-7"],
    [-2.5e-6, "−2.50e-6"],
  ];
  for (const [number, text] of expected) assert.equal(formatNumber(number), text);
});

test("what is not a finite number is a dash", () => {
  for (const value of [NaN, Infinity, null, undefined]) assert.equal(formatNumber(value), "–");
  assert.equal(formatPercent(NaN), "–");
});

test("a positive fraction is never shown as zero", () => {
  const expected = [[0, "0.0 %"], [0.0004, "< 0.1 %"], [0.0005, "0.1 %"], [0.1234, "12.3 %"], [1, "100.0 %"]];
  for (const [fraction, text] of expected) assert.equal(formatPercent(fraction), text);
});

test("counts have separators, nouns their plural, shapes their signs", () => {
  assert.equal(formatCount(2048), "2,048");
  assert.deepEqual([plural(1, "unit"), plural(0, "unit"), plural(1280, "unit")], ["1 unit", "0 units", "1,280 units"]);
  assert.equal(formatShape([48, null, 32]), "48 × ? × 32");
  assert.equal(formatShape("? × 3"), "? × 3");
  assert.equal(formatShape(null), "");
});

test("axis ticks are round and share their decimals", () => {
  assert.deepEqual(axisTicks(0, 1).map((tick) => tick.text), ["0.0", "0.5", "1.0"]);
  assert.deepEqual(axisTicks(-30, 30).map((tick) => tick.value), [-20, 0, 20]);
  assert.deepEqual(axisTicks(-1, 0).map((tick) => tick.text), ["−1.0", "−0.5", "0.0"]);
  assert.deepEqual(axisTicks(3, 3), []);
});
