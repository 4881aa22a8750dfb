import assert from "node:assert/strict";
import test from "node:test";

import { unitDescription, unitLabel } from "../../../dreamfilters/viewer/static/views/layer/unit_labels.js";

const layer = { id: "L0", name: "conv", type: "Conv2D", display: "maps", units: 2 };
const classes = { id: "C", name: "class", type: "Classes", display: "bars", units: 2 };
const net = { layers: [layer, classes], byId: new Map(), byName: new Map(), classes: ["STOP", "yield"] };
const sheets = [{ maximum: [0.5, 1] }, { maximum: [2, 0] }];
const verdict = (kind) => [{ kind, sentence: "", proved: false }];

test("a unit is labeled with its number and its maximum over the images", () => {
  assert.deepEqual(unitLabel(net, layer, sheets, null, 0), { texts: ["0"], right: "2.00" });
  assert.deepEqual(unitLabel(net, layer, [], null, 0), { texts: ["0"], right: "" });
  assert.deepEqual(unitLabel(net, classes, sheets, null, 1), { texts: ["yield"], right: "1.00" });
});

test("a verdict other than alive is in the label, from long to short", () => {
  assert.deepEqual(unitLabel(net, layer, sheets, verdict("alive"), 0).texts, ["0"]);
  assert.deepEqual(unitLabel(net, layer, sheets, verdict("undecided"), 0).texts, ["0 · undecided", "0 ?", "0"]);
  const isBad = (kind) => unitLabel(net, layer, sheets, verdict(kind), 0).bad;
  assert.deepEqual(["dead", "saturated", "dormant", "always on"].map(isBad), [true, true, false, false]);
});

test("the description has name, maximum and verdict", () => {
  assert.equal(unitDescription(net, layer, sheets, verdict("dead"), 0), "conv:0, maximum 2.00, dead");
  assert.equal(unitDescription(net, layer, [], null, 1), "conv:1");
});
