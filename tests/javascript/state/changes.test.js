import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import {
  changesText,
  factorOf,
  nextFactor,
  setFactor,
  toggleAblated,
  undoChanges,
} from "../../../dreamfilters/viewer/static/state/changes.js";
import { parse, route } from "../../../dreamfilters/viewer/static/state/routing.js";
import { app } from "../../../dreamfilters/viewer/static/state/store.js";

beforeEach(() => {
  globalThis.history = { pushState: () => assert.fail("a change is a setting"), replaceState: () => {} };
  route.set(parse("#/signs/conv6/12"));
});

test("changes are stated in words", () => {
  const changes = [{ layer: "conv6", unit: 12, factor: 0 }, { layer: "conv4", unit: 3, factor: 0.25 }];
  assert.equal(changesText(changes), "conv6:12 ablated, conv4:3 × 0.25");
  assert.deepEqual([factorOf(changes, "conv4", 3), factorOf(changes, "conv4", 4)], [0.25, 1]);
});

test("the factor moves along its steps and stays at their ends", () => {
  assert.deepEqual([0, 0.5, 1, 3, 16].map((factor) => nextFactor(factor, 1)), [0.25, 1, 2, 4, 16]);
  assert.deepEqual([0, 0.25, 1, 3, 16].map((factor) => nextFactor(factor, -1)), [0, 0, 0.5, 2, 8]);
});

test("ablating twice undoes it, and factor 1 is no change", () => {
  toggleAblated("conv6", 12);
  setFactor("conv4", 3, 2);
  assert.equal(changesText(route.get().changes), "conv6:12 ablated, conv4:3 × 2");
  toggleAblated("conv6", 12);
  assert.equal(changesText(route.get().changes), "conv4:3 × 2");
  setFactor("conv4", 3, 1);
  assert.deepEqual(route.get().changes, []);
  toggleAblated("conv6", 1);
  undoChanges();
  assert.deepEqual(route.get().changes, []);
});

test("more than 16 changes are refused with a sentence", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  for (let unit = 0; unit < 17; unit += 1) toggleAblated("conv6", unit);
  assert.equal(route.get().changes.length, 16);
  assert.match(app.get().message.text, /^16 units are changed already/);
  toggleAblated("conv6", 3);
  assert.equal(route.get().changes.length, 15);
});
