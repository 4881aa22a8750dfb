import assert from "node:assert/strict";
import test from "node:test";

import { layerLimits, scaleLimits, valueAt } from "../../../dreamfilters/viewer/static/state/map_sheets.js";

const sheet = () => ({
  display: "maps",
  width: 2,
  height: 2,
  minimum: [-1, 0],
  maximum: [1, 4],
  bytes: Uint8Array.from([0, 51, 102, 255, 0, 0, 0, 255]),
});

test("a byte is a fraction of the unit's range", () => {
  assert.equal(valueAt(sheet(), 0, 0, 0), -1);
  assert.equal(valueAt(sheet(), 0, 0, 1), -0.6); // 51 / 255 = 0.2 of 2
  assert.equal(valueAt(sheet(), 0, 1, 1), 1);
  assert.equal(valueAt(sheet(), 1, 1, 1), 4);
  assert.equal(valueAt({ ...sheet(), display: "bars" }, 1, 0, 0), 4);
});

test("the limits of a scale hold zero and, for one scale, every unit of every image", () => {
  const second = { ...sheet(), minimum: [-3, 1], maximum: [2, 2] };
  assert.deepEqual(scaleLimits({ scale: "unit" }, [sheet(), second], 1), [0, 4]);
  assert.deepEqual(scaleLimits({ scale: "unit" }, [sheet(), second], 0), [-3, 2]);
  assert.deepEqual(scaleLimits({ scale: "layer" }, [sheet(), second], 1), [-3, 4]);
  assert.deepEqual(scaleLimits({ scale: "fixed", low: 5, high: 6 }, [sheet()], 0), [5, 6]);
});

test("units without finite values do not change the limits", () => {
  assert.deepEqual(layerLimits([{ ...sheet(), minimum: [null, NaN], maximum: [null, 2] }]), [0, 2]);
  assert.deepEqual(layerLimits([]), [0, 0]);
});
