import assert from "node:assert/strict";
import test from "node:test";

import {
  imageKey,
  indexNetwork,
  isClassLayer,
  selectImages,
  unitName,
} from "../../../dreamfilters/viewer/static/state/network_index.js";

const layer = (id, name, more = {}) => ({ id, name, type: "Conv2D", display: "maps", units: 4, ...more });
const network = (more = {}) => ({
  layers: [layer("L0", "conv"), layer("L1", "probabilities", { display: "bars", units: 2 })],
  classes: ["STOP", "yield"],
  class_layer: "C",
  ...more,
});

test("the classes are one more layer, at the end", () => {
  const net = indexNetwork(network());
  assert.deepEqual(net.layers.map((each) => each.name), ["conv", "probabilities", "class"]);
  assert.equal(net.byName.get("class"), net.byId.get("C"));
  assert.equal(net.byId.get("C").units, 2);
  assert.deepEqual(net.layers.map(isClassLayer), [false, false, true]);
});

test("a network without classes has no such layer, and no network has no layers", () => {
  assert.equal(indexNetwork(network({ class_layer: null })).layers.length, 2);
  assert.deepEqual(indexNetwork(null).layers, []);
});

test("the index of a network is computed once", () => {
  const one = network();
  assert.equal(indexNetwork(one), indexNetwork(one));
});

test("of two layers of one name the first is found, and a layer named class keeps its name", () => {
  const net = indexNetwork(network({ layers: [layer("L0", "class"), layer("L1", "class")] }));
  assert.equal(net.byName.get("class").id, "L0");
  assert.equal(net.byId.get("C").name, "class of the network");
});

test("units of the classes and of the output over them have the names of the classes", () => {
  const net = indexNetwork(network());
  assert.equal(unitName(net, net.byId.get("L0"), 1), "conv:1");
  assert.equal(unitName(net, net.byId.get("L1"), 1), "yield");
  assert.equal(unitName(net, net.byId.get("C"), 0), "STOP");
  assert.equal(unitName(indexNetwork(network({ classes: [] })), net.byId.get("C"), 7), "class 7");
});

test("images are selected by name or id, in the order of the link; without any the first one is", () => {
  const images = [{ id: "I0", name: "a" }, { id: "I1", name: "b" }, { id: "I2", name: "b" }];
  assert.deepEqual(selectImages(images, ["I2", "a", "gone"]).map((image) => image.id), ["I2", "I0"]);
  assert.deepEqual(selectImages(images, ["gone"]).map((image) => image.id), ["I0"]);
  assert.deepEqual(images.map((image) => imageKey(images, image)), ["a", "I1", "I2"]);
});
