import assert from "node:assert/strict";
import test from "node:test";

import {
  layerArgument,
  layersFor,
  missingOf,
  startAt,
  startOf,
  valuesOf,
} from "../../../dreamfilters/viewer/static/lib/technique_form.js";

const argument = (name, kind, value = null, more = {}) => ({ name, kind, default: value, required: false, ...more });
const FORM = {
  arguments: [
    argument("target", "class", null, { required: true }),
    argument("steps", "integer", 100),
    argument("weight", "number", 1.5),
    argument("layers", "maps"),
    argument("norm", "choice", "linf"),
  ],
};

test("a form starts with the defaults, and sends nothing of them", () => {
  const start = startOf(FORM);
  assert.deepEqual(start, { target: "", steps: "100", weight: "1.5", layers: [], norm: "linf" });
  assert.deepEqual(valuesOf(FORM, start), {});
});

test("what is entered is sent by its kind", () => {
  const entered = { target: "C:1", steps: "20", weight: "0.25", layers: ["L1"], norm: "l2" };
  assert.deepEqual(valuesOf(FORM, entered), { target: "C:1", steps: 20, weight: 0.25, layers: ["L1"], norm: "l2" });
  assert.deepEqual(valuesOf(FORM, { ...entered, steps: "", layers: [], weight: "1.5" }), { target: "C:1", norm: "l2" });
});

test("a required argument is missing until it has a value", () => {
  assert.equal(missingOf(FORM, startOf(FORM)).name, "target");
  assert.equal(missingOf(FORM, { ...startOf(FORM), target: "C:1" }), null);
});

test("a layer is offered where its units depend on the image, and for textures where it has positions", () => {
  const layer = (id, kind, dreamable = true) => ({ id, kind, dreamable });
  const layers = [layer("L0", "map"), layer("L1", "tokens"), layer("L2", "vector"), layer("L3", "map", false), layer("C", "vector")];
  const ids = (kind) => layersFor(layers, kind, "C").map(({ id }) => id);
  assert.deepEqual(ids("layers"), ["L0", "L1", "L2"]);
  assert.deepEqual(ids("maps"), ["L0", "L1"]);
  assert.deepEqual(ids("layer-target"), ["L0", "L1", "L2"]);
});

test("kernels are those of convolutions, also of layers that cannot be dreamed", () => {
  const layers = [
    { id: "L0", kind: "map", dreamable: false, kernels: true },
    { id: "L1", kind: "map", dreamable: true, kernels: false },
    { id: "C", kind: "vector", dreamable: true, kernels: true },
  ];
  assert.deepEqual(layersFor(layers, "kernels", "C").map(({ id }) => id), ["L0"]);
});

test("a technique of one layer starts with the layer that is open, and kernels with the first", () => {
  const layer = (id, kernels) => ({ id, kind: "map", dreamable: true, kernels });
  const layers = [layer("L0", false), layer("L1", true), layer("L2", true)];
  const form = (kind) => ({ arguments: [argument("layer", kind, null, { required: true }), argument("steps", "integer", 9)] });
  const started = (kind, open) => startAt(form(kind), open, layers, null);
  assert.deepEqual(started("kernels", layers[2]), { layer: "L2", steps: "9" });
  assert.deepEqual(started("kernels", layers[0]), { layer: "L1", steps: "9" });
  assert.deepEqual(started("kernels", undefined), { layer: "L1", steps: "9" });
  assert.deepEqual(started("layer-target", layers[0]), { layer: "L0", steps: "9" });
  assert.deepEqual(started("layer-target", undefined), { layer: "", steps: "9" });
  assert.deepEqual(startAt(FORM, layers[1], layers, null), startOf(FORM));
  assert.equal(layerArgument(form("kernels")).name, "layer");
  assert.equal(layerArgument(FORM), undefined);
  assert.equal(layerArgument({ arguments: [argument("content", "layer")] }), undefined); // it has a default
});
