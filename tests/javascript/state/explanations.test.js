import assert from "node:assert/strict";
import test from "node:test";

import { paths } from "../../../dreamfilters/viewer/static/state/api.js";
import { chosenMethods, runnerUp, scaleText } from "../../../dreamfilters/viewer/static/state/explanations.js";

const methods = ["a", "b", "c"].map((name) => ({ name, meaning: "", quick: true, shown: name !== "b" }));

test("the chosen methods keep the order of the registry, and some are shown where none is chosen", () => {
  const names = (chosen) => chosenMethods(methods, chosen).map(({ name }) => name);
  assert.deepEqual(names(["c", "a"]), ["a", "c"]);
  assert.deepEqual(names([]), ["a", "c"]);
  assert.deepEqual(names(["gone"]), ["a", "c"]); // a method of another network
  assert.deepEqual(chosenMethods([], ["a"]), []);
});

test("the runner-up is the most probable other class", () => {
  const classes = [{ index: 4 }, { index: 7 }, { index: 1 }];
  assert.equal(runnerUp(classes, 4).index, 7);
  assert.equal(runnerUp(classes, 9).index, 4);
  assert.equal(runnerUp([{ index: 4 }], 4), null);
});

test("the scale has a sign where the heatmap has one", () => {
  assert.equal(scaleText({ scale: 2, signed: true }), "± 2.00");
  assert.equal(scaleText({ scale: 2, signed: false }), "2.00");
  assert.equal(scaleText({ scale: 0, signed: true }), "zero everywhere");
});

test("names in an address are encoded, and a replaced image has another address", () => {
  const target = { layer: "C", unit: 3 };
  assert.equal(paths.heatmap(target, { id: "I1" }, "grad-cam++", null), "api/heatmaps/C/3/I1?method=grad-cam%2B%2B");
  assert.equal(
    paths.heatmap(target, { id: "I1", version: 2 }, "lrp", 7),
    "api/heatmaps/C/3/I1?method=lrp&against=7&v=2",
  );
  assert.equal(paths.logitUnits(3, { id: "I1" }, 7), "api/logits/3/I1?against=7");
});
