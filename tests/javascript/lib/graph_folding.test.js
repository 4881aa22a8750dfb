import assert from "node:assert/strict";
import test from "node:test";

import { fittingWidth, foldedGraph } from "../../../dreamfilters/viewer/static/lib/graph_folding.js";

const folded = (ids, edges, ...names) => foldedGraph(ids, edges, (id) => names.includes(id));

test("what a folded node connects is connected directly, also through several of them", () => {
  const edges = [["a", "b"], ["b", "c"], ["c", "d"]];
  assert.deepEqual(folded(["a", "b", "c", "d"], edges, "b"), { ids: ["a", "c", "d"], edges: [["c", "d"], ["a", "c"]] });
  assert.deepEqual(folded(["a", "b", "c", "d"], edges, "b", "c"), { ids: ["a", "d"], edges: [["a", "d"]] });
});

test("branches keep their ends, and an edge is there once", () => {
  const edges = [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"], ["a", "d"]];
  assert.deepEqual(folded(["a", "b", "c", "d"], edges, "b", "c"), { ids: ["a", "d"], edges: [["a", "d"]] });
  const fan = folded(["a", "b", "x", "c", "d"], [["a", "x"], ["b", "x"], ["x", "c"], ["x", "d"]], "x");
  assert.deepEqual(fan.edges, [["a", "c"], ["a", "d"], ["b", "c"], ["b", "d"]]);
});

test("the first and the last node stay, whatever they are", () => {
  const edges = [["a", "b"], ["b", "c"]];
  assert.deepEqual(folded(["a", "b", "c"], edges, "a", "c"), { ids: ["a", "b", "c"], edges });
  assert.deepEqual(folded(["a"], [], "a"), { ids: ["a"], edges: [] });
});

test("nodes fill the width of the widest row, within limits", () => {
  const chain = [["a", "b"], ["b", "c"]];
  assert.equal(fittingWidth(["a", "b", "c"], chain, 600), 600);
  assert.equal(fittingWidth(["a", "b", "c"], chain, 5000), 860);
  assert.equal(fittingWidth(["a", "b", "c"], chain, 0), 176);
  assert.equal(fittingWidth(["a", "b", "c"], [["a", "b"], ["a", "c"]], 628), 300); // two of them and a gap of 28
});
