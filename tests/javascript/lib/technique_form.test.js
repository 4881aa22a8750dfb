import assert from "node:assert/strict";
import test from "node:test";

import { layersFor, missingOf, startOf, valuesOf } from "../../../dreamfilters/viewer/static/lib/technique_form.js";

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
});
