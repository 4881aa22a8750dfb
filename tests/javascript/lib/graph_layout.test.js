import assert from "node:assert/strict";
import test from "node:test";

import { curvePath, layoutGraph, nodeDepths } from "../../../dreamfilters/viewer/static/lib/graph_layout.js";

const height = () => 40;

test("a node's depth is the length of the longest path to it", () => {
  const depths = nodeDepths(["a", "b", "c", "d"], [["a", "b"], ["b", "c"], ["a", "c"]]);
  assert.deepEqual([...depths], [["a", 0], ["b", 1], ["c", 2], ["d", 0]]);
});

test("rows follow the depth, and a long edge is routed beside the node between", () => {
  const { nodes, edges, height: total } = layoutGraph(["a", "b", "c"], [["a", "b"], ["b", "c"], ["a", "c"]], height);
  assert.deepEqual(nodes.map((node) => node.y), [20, 88, 156]); // 40 high, 28 between
  assert.equal(total, 176);
  const long = edges.find((edge) => edge.from === "a" && edge.to === "c");
  const [start, [x, top], [below, bottom], end] = long.points;
  const b = nodes[1];
  assert.ok(Math.abs(x - b.x) >= b.width / 2);
  assert.deepEqual([below, top, bottom], [x, 68, 108]); // vertical beside b, so that its bends touch no corner of it
  assert.deepEqual([start[1], end[1]], [40, 136]); // from the lower side of a to the upper side of c
});

test("branches are side by side without touching, centered on the node that they leave and enter", () => {
  const pairs = [["a", "b"], ["a", "c"], ["a", "d"], ["b", "e"], ["c", "e"], ["d", "e"]];
  const [a, b, c, d, e] = layoutGraph(["a", "b", "c", "d", "e"], pairs, height).nodes;
  assert.deepEqual([b.y, c.y, d.y], [88, 88, 88]);
  const across = [b.x, c.x, d.x].sort((left, right) => left - right);
  assert.ok(across[1] - across[0] >= b.width && across[2] - across[1] >= b.width);
  assert.deepEqual([a.x, e.x], [across[1], across[1]]);
});

test("rows are ordered so that edges do not cross where that can be avoided", () => {
  const [a, b, c, d] = layoutGraph(["a", "b", "c", "d"], [["a", "d"], ["b", "c"]], height).nodes;
  assert.ok(a.x < b.x);
  assert.ok(d.x < c.x);
});

test("cycles, loops and edges of unknown nodes do not hang or fail", () => {
  const { nodes, edges } = layoutGraph(["a", "b"], [["a", "b"], ["b", "a"], ["b", "b"], ["b", "?"]], height);
  assert.equal(nodes.length, 2);
  assert.deepEqual(edges, []); // both nodes of a cycle have depth 0
});

test("an empty graph has no size", () => {
  assert.deepEqual(layoutGraph([], [], height), { nodes: [], edges: [], width: 0, height: 0 });
});

test("a vertical step is a line, any other step a curve", () => {
  assert.equal(curvePath([[0, 0], [0, 10], [20, 30]]), "M0 0L0 10C0 20 20 20 20 30");
});
