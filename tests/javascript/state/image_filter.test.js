import assert from "node:assert/strict";
import test from "node:test";

import { filteredImages, labelsOf } from "../../../dreamfilters/viewer/static/state/image_filter.js";

const images = [
  { id: "a", label: "STOP", mistake: null, confidence: 0.9 },
  { id: "b", label: "20", mistake: "30", confidence: 0.6 },
  { id: "c", label: "STOP", mistake: "20", confidence: null },
  { id: "d", label: null, mistake: null, confidence: 0.2 },
];
const ids = (filter) =>
  filteredImages(images, { label: "", wrong: false, unsure: false, ...filter })
    .map(({ id }) => id)
    .join("");

test("a filter lists one class, the wrong images, or both", () => {
  assert.equal(ids({}), "abcd");
  assert.equal(ids({ label: "STOP" }), "ac");
  assert.equal(ids({ wrong: true }), "bc");
  assert.equal(ids({ label: "STOP", wrong: true }), "c");
  assert.equal(ids({ label: "gone" }), "");
});

test("the least sure images come first, those of unknown confidence last, and the list itself keeps its order", () => {
  assert.equal(ids({ unsure: true }), "dbac");
  assert.equal(ids({ label: "STOP", unsure: true }), "ac");
  assert.equal(ids({}), "abcd");
});

test("labels are those of the images", () => assert.deepEqual(labelsOf(images), ["STOP", "20"]));
