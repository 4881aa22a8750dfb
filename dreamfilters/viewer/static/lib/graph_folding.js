// @ts-check
// What is decided before a graph is laid out: which nodes are left out, and how wide the others are.
import { GAP, NODE_WIDTH, nodeDepths } from "./graph_layout.js";

/** @typedef {import("./graph_layout.js").Edge} Edge */

const WIDEST_NODE = 860;

/**
 * Return the width of the nodes with which the row of most nodes fills a width, within limits.
 * @param {string[]} ids
 * @param {Edge[]} edges
 * @param {number} available
 */
export function fittingWidth(ids, edges, available) {
  const counts = new Map();
  for (const depth of nodeDepths(ids, edges).values()) counts.set(depth, (counts.get(depth) ?? 0) + 1);
  const most = Math.max(1, ...counts.values());
  return Math.min(WIDEST_NODE, Math.max(NODE_WIDTH, Math.floor((available - GAP * (most - 1)) / most)));
}

/**
 * Return a graph without the nodes that are folded: what they connect is connected directly. Ends are kept.
 * @param {string[]} ids
 * @param {Edge[]} edges
 * @param {(id: string) => boolean} isFolded
 * @returns {{ ids: string[], edges: Edge[] }}
 */
export function foldedGraph(ids, edges, isFolded) {
  let left = edges;
  const kept = ids.filter((id) => {
    const [before, after] = [left.filter(([, to]) => to === id), left.filter(([from]) => from === id)];
    if (!isFolded(id) || !before.length || !after.length) return true;
    const direct = before.flatMap(([from]) => after.map(([, to]) => /** @type {Edge} */ ([from, to])));
    left = [...left.filter(([from, to]) => from !== id && to !== id), ...direct];
    return false;
  });
  return { ids: kept, edges: [...new Map(left.map((edge) => [edge.join(" "), edge])).values()] };
}
