import assert from "node:assert/strict";
import test from "node:test";

import { paths } from "../../../dreamfilters/viewer/static/state/api.js";
import { chosenMethods, runnerUp, scaleText, trustKey, trustText } from "../../../dreamfilters/viewer/static/state/explanations.js";

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

test("what is measured is named as the events of its progress name it", () => {
  const target = { layer: "C", unit: 3 };
  assert.equal(trustKey(target, { id: "I1" }, "occlusion", null), "C:3:I1:occlusion:");
  assert.equal(trustKey(target, { id: "I1" }, "occlusion", 0), "C:3:I1:occlusion:0");
  assert.equal(paths.trust(target, { id: "I1" }, "occlusion", 0), "api/trust/C/3/I1?method=occlusion&against=0");
});

test("a heatmap is trusted only by measures that are defined", () => {
  const measured = (values) => Object.entries(values).map(([name, value]) => ({ name, value }));
  const every = { deletion: 0.1, insertion: 0.9, "sanity-all": 0.2 };
  assert.equal(trustText([], measured(every)), "The heatmap is better than chance and depends on the weights.");
  assert.equal(trustText([], measured({ ...every, deletion: null })), "The heatmap depends on the weights.");
  assert.equal(trustText([], measured({ deletion: null })), "No measure is defined on this image.");
  assert.equal(
    trustText(["no better than chance", "does not depend on the weights"], measured(every)),
    "The heatmap is no better than chance and does not depend on the weights.",
  );
});
