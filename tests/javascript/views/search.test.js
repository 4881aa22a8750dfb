import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { indexNetwork } from "../../../dreamfilters/viewer/static/state/network_index.js";
import { parse, route } from "../../../dreamfilters/viewer/static/state/routing.js";
import { searchNames } from "../../../dreamfilters/viewer/static/views/search.js";

const layer = (id, name, more = {}) => ({ id, name, type: "Conv2D", display: "maps", units: 16, ...more });
const net = indexNetwork({
  layers: [
    layer("L0", "conv1"),
    layer("L1", "conv10", { units: 4 }),
    layer("L2", "flat", { type: "Flatten", display: "none" }),
    layer("C", "class", { type: "Classes", display: "bars", units: 2 }),
  ],
  classes: ["STOP", "no entry"],
  class_layer: "C",
});
const images = [{ id: "I0", name: "14/3.png", label: "STOP" }, { id: "I1", name: "bus.png", label: null }];
const hits = (text, view = { layer: null }) => searchNames(text, { view, net, images });
const keys = (text, view) => hits(text, view).map((hit) => hit.key);

beforeEach(() => {
  globalThis.history = { pushState: () => {}, replaceState: () => {} };
  route.set(parse("#/signs"));
});

test("every word has to match, in any case", () => {
  assert.deepEqual(keys("stop"), ["class 0", "image I0"]);
  assert.deepEqual(keys("Entry NO"), ["class 1"]);
  assert.deepEqual(keys("entry stop"), []);
  assert.deepEqual(keys("conv2d"), ["layer L0", "layer L1"]); // the type
});

test("a name and a number name a unit of each matching layer that has it", () => {
  assert.deepEqual(keys("conv1:3"), ["unit L0 3", "unit L1 3"]);
  assert.deepEqual(keys("conv1 12"), ["unit L0 12"]); // conv10 has 4 units
  assert.deepEqual(keys("flat:0"), []); // nothing to show
});

test("a number alone names a unit of the present layer", () => {
  assert.equal(keys("3", { layer: "conv10" })[0], "unit L1 3");
  assert.ok(!keys("3").some((key) => key.startsWith("unit")));
});

test("a hit opens its view", () => {
  hits("conv1:3")[1].open();
  assert.deepEqual([route.get().layer, route.get().unit], ["conv10", 3]);
  hits("no entry")[0].open();
  assert.deepEqual([route.get().layer, route.get().unit], ["class", 1]);
});
