import assert from "node:assert/strict";
import { test } from "node:test";

import { accuracyText, isDoubtful, originText, searchButtonText } from "../../../dreamfilters/viewer/static/state/trust.js";

const scan = (phase) => ({ phase, done: 0, total: 0, note: "" });
const network = (more = {}) => ({ is_classifier: true, form: { source: "file", origin: "from net.toml" }, ...more });
const accuracy = (more = {}) => ({ value: 0.5, right: 15, count: 30, chance: 0.1, poor: true, text: "", ...more });

test("the accuracy counts images, and is averaged over the classes where that is another share", () => {
  const text = (found) => accuracyText({ network: network(), accuracy: found, evidence: scan("ready") });
  assert.equal(text(accuracy()), "15 of 30 labeled images are predicted as labeled (50\u00a0%), chance 10\u00a0%");
  assert.equal(
    text(accuracy({ right: 27, value: 0.25 })),
    "27 of 30 labeled images are predicted as labeled (90\u00a0%; 25\u00a0% averaged over the classes), chance 10\u00a0%",
  );
  assert.equal(
    text(accuracy({ right: 1, count: 1, value: 1, chance: 0.5 })),
    "1 of 1 labeled image is predicted as labeled (100\u00a0%), chance 50\u00a0%",
  );
  assert.match(text(accuracy({ remark: "the labels are read as numbers" })), /chance 10\u00a0%; the labels are read as/);
});

test("an accuracy that is not known is explained, and a regression has none", () => {
  const text = (phase, classifies = true) =>
    accuracyText({ network: network({ is_classifier: classifies }), accuracy: null, evidence: scan(phase) });
  assert.match(text("running"), /follows with the scan/);
  assert.match(text("ready"), /no images are labeled/);
  assert.match(text("none"), /no images are labeled/);
  assert.equal(text("ready", false), "");
});

test("an assumed input form and a poor accuracy are doubtful", () => {
  const assumed = network({ form: { source: "assumed", origin: "assumed; --range" } });
  assert.equal(isDoubtful({ network: network(), accuracy: null }), false);
  assert.equal(isDoubtful({ network: network(), accuracy: accuracy({ poor: false }) }), false);
  assert.equal(isDoubtful({ network: network(), accuracy: accuracy() }), true);
  assert.equal(isDoubtful({ network: assumed, accuracy: accuracy({ poor: false }) }), true);
  assert.equal(isDoubtful({ network: null, accuracy: null }), false);
});

test("an assumed form has its hint only where no search is possible", () => {
  const assumed = network({ form: { source: "assumed", origin: "assumed; --range" } });
  const search = (phase) => ({ phase, share: 0, note: "", result: null });
  assert.equal(originText({ network: assumed, form_search: search("none") }), "assumed; --range");
  assert.equal(originText({ network: assumed, form_search: search("idle") }), "assumed");
  assert.equal(originText({ network: network(), form_search: search("idle") }), "from net.toml");
});

test("a form that the search has found is named as saved once all of it is", () => {
  const found = network({ form: { source: "given", origin: "found by the search" } });
  const search = (saved) => ({ phase: "done", share: 1, note: "", result: { applied: true, saved, file: "net.toml" } });
  assert.equal(originText({ network: found, form_search: search(null) }), "found by the search");
  assert.equal(originText({ network: found, form_search: search({ complete: false }) }), "found by the search");
  assert.equal(
    originText({ network: found, form_search: search({ complete: true }) }),
    "found by the search, saved in net.toml",
  );
});

test("the button starts the search, then shows its progress or its result", () => {
  const text = (phase, share = 0) => searchButtonText({ phase, share, note: "", result: null });
  assert.equal(text("none"), null);
  assert.equal(text("idle"), "Find the input form");
  assert.equal(text("cancelled"), "Find the input form");
  assert.equal(text("running", 0.254), "Searching: 25\u00a0%");
  assert.equal(text("done"), "Show input forms");
});
