import assert from "node:assert/strict";
import test from "node:test";

import {
  classInText,
  fittedImages,
  hasOtherShape,
  imageKey,
  indexNetwork,
  isClassLayer,
  selectImages,
  unitName,
} from "../../../dreamfilters/viewer/static/state/network_index.js";

const layer = (id, name, more = {}) => ({ id, name, type: "Conv2D", display: "maps", units: 4, ...more });
const classes = (name = "class") => layer("C", name, { type: "Classes", display: "bars", units: 2 });
const network = (more = {}) => ({
  layers: [layer("L0", "conv"), classes()],
  classes: ["STOP", "yield"],
  class_layer: "C",
  class_output: "probabilities",
  ...more,
});

test("the layer of classes is found by its name and by that of the output", () => {
  const net = indexNetwork(network());
  assert.deepEqual(net.layers.map((each) => each.name), ["conv", "class"]);
  assert.equal(net.byName.get("class"), net.byId.get("C"));
  assert.equal(net.byName.get("probabilities"), net.byId.get("C"));
  assert.deepEqual(net.layers.map(isClassLayer), [false, true]);
});

test("no network has no layers", () => {
  assert.deepEqual(indexNetwork(null).layers, []);
});

test("the index of a network is computed once", () => {
  const one = network();
  assert.equal(indexNetwork(one), indexNetwork(one));
});

test("of two layers of one name the first is found, and an output does not hide a layer", () => {
  const layers = [layer("L0", "probabilities"), layer("L1", "probabilities"), classes("class of the network")];
  const net = indexNetwork(network({ layers }));
  assert.equal(net.byName.get("probabilities").id, "L0");
  assert.equal(net.byName.get("class of the network").id, "C");
});

test("units of the classes have the names of the classes", () => {
  const net = indexNetwork(network());
  assert.equal(unitName(net, net.byId.get("L0"), 1), "conv:1");
  assert.equal(unitName(net, net.byId.get("C"), 0), "STOP");
  assert.equal(unitName(indexNetwork(network({ classes: [] })), net.byId.get("C"), 7), "class 7");
});

test("images are selected by name or id, in the order of the link; without any the first one is", () => {
  const images = [{ id: "I0", name: "a" }, { id: "I1", name: "b" }, { id: "I2", name: "b" }];
  assert.deepEqual(selectImages(images, ["I2", "a", "gone"]).map((image) => image.id), ["I2", "I0"]);
  assert.deepEqual(selectImages(images, ["gone"]).map((image) => image.id), ["I0"]);
  assert.deepEqual(images.map((image) => imageKey(images, image)), ["a", "I1", "I2"]);
});

test("a class whose name is a number does not read as a count", () => {
  assert.equal(classInText("STOP", 14), "STOP");
  assert.equal(classInText("120", 8), "“120”");
  assert.equal(classInText("8", 8), "class 8");
  assert.equal(classInText("80 Ende", 6), "80 Ende");
});

test("only images of another shape than the input are cropped", () => {
  const form = { width: 4, height: 2 };
  const [same, square, unreadable] = [
    { id: "a", width: 200, height: 100 }, { id: "b", width: 100, height: 100 }, { id: "c", width: 0, height: 0 },
  ];
  assert.deepEqual([same, square, unreadable].map((image) => hasOtherShape(image, form)), [false, true, false]);
  assert.equal(hasOtherShape(square, undefined), false);
  const all = [same, square, unreadable];
  assert.equal(fittedImages(all, "stretch", form), all);
  assert.deepEqual(fittedImages(all, "crop", form), [same, { ...square, cropped: true }, unreadable]);
});
