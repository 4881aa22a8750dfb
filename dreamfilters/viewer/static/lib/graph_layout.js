// @ts-check
// Layered graph drawing: a row for each depth, nodes ordered by their neighbors, long edges routed around other nodes.
// After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", IEEE SMC 1981.

/** @typedef {[string, string]} Edge */
/** @typedef {[number, number]} Point */
/** A node, or a bend: the position of an edge in a row that it only passes. */
/** @typedef {{ id: string, row: number, bend: boolean, above: string[], below: string[] }} Part */
/** Adjacent parts of a row that are moved together: their offsets from the position of the first. */
/** @typedef {{ ids: string[], offsets: number[], position: number, width: number }} Block */
/** @typedef {{ id: string, x: number, y: number, width: number, height: number }} DrawnNode */
/** @typedef {{ from: string, to: string, points: Point[] }} DrawnEdge */

const SWEEPS = 8;
export const NODE_WIDTH = 176;
const BEND_WIDTH = 10;
export const GAP = 28; // between nodes, both ways

/**
 * Return where nodes and edges are drawn; x and y are the center of a node.
 * @param {string[]} ids
 * @param {Edge[]} pairs
 * @param {(id: string) => number} heightOf
 * @param {number} [nodeWidth]
 * @returns {{ nodes: DrawnNode[], edges: DrawnEdge[], width: number, height: number }}
 */
export function layoutGraph(ids, pairs, heightOf, nodeWidth = NODE_WIDTH) {
  const known = new Set(ids);
  const edges = pairs.filter(([from, to]) => from !== to && known.has(from) && known.has(to));
  const { rows, parts, chains } = withBends(ids, edges, nodeDepths(ids, edges));
  orderRows(rows, parts);
  return drawing(rows, parts, chains, horizontalPositions(rows, parts, nodeWidth), heightOf, nodeWidth);
}

/**
 * Return the number of steps of the longest path to each node. An edge that closes a cycle does not count.
 * @param {string[]} ids
 * @param {Edge[]} edges
 */
export function nodeDepths(ids, edges) {
  const incoming = counter(ids);
  const depth = counter(ids);
  /** @type {Map<string, string[]>} */
  const outgoing = new Map(ids.map((id) => [id, []]));
  for (const [from, to] of edges) {
    lookup(outgoing, from).push(to);
    incoming.set(to, lookup(incoming, to) + 1);
  }
  const free = ids.filter((id) => !incoming.get(id));
  for (let id = free.shift(); id !== undefined; id = free.shift()) {
    for (const next of lookup(outgoing, id)) {
      depth.set(next, Math.max(lookup(depth, next), lookup(depth, id) + 1));
      incoming.set(next, lookup(incoming, next) - 1);
      if (!incoming.get(next)) free.push(next);
    }
  }
  return depth;
}

/** @param {string[]} ids @param {Edge[]} edges @param {Map<string, number>} depth */
function withBends(ids, edges, depth) {
  /** @type {string[][]} */
  const rows = Array.from({ length: Math.max(0, ...depth.values()) + 1 }, () => []);
  /** @type {Map<string, Part>} */
  const parts = new Map();
  /** @param {string} id @param {number} row @param {boolean} bend */
  const add = (id, row, bend) => {
    rows[row].push(id);
    parts.set(id, { id, row, bend, above: [], below: [] });
  };
  for (const id of ids) add(id, lookup(depth, id), false);
  const downward = edges.filter(([from, to]) => lookup(depth, to) > lookup(depth, from));
  const chains = downward.map(([from, to], number) => {
    const chain = [from];
    for (let row = lookup(depth, from) + 1; row < lookup(depth, to); row += 1) {
      const id = `bend ${number} ${row}`;
      add(id, row, true);
      chain.push(id);
    }
    chain.push(to);
    for (let index = 1; index < chain.length; index += 1) {
      lookup(parts, chain[index - 1]).below.push(chain[index]);
      lookup(parts, chain[index]).above.push(chain[index - 1]);
    }
    return chain;
  });
  return { rows, parts, chains };
}

/**
 * Sort each row by the mean index of the neighbors, downward and upward in turn, to reduce crossings.
 * @param {string[][]} rows
 * @param {Map<string, Part>} parts
 */
function orderRows(rows, parts) {
  /** @type {Map<string, number>} */
  const indexes = new Map();
  /** @param {string[]} row */
  const store = (row) => row.forEach((id, index) => indexes.set(id, index));
  rows.forEach(store);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const target = new Map(
        row.map((id, index) => [id, mean(lookup(parts, id)[down ? "above" : "below"], indexes) ?? index]),
      );
      row.sort((a, b) => lookup(target, a) - lookup(target, b) || lookup(indexes, a) - lookup(indexes, b));
      store(row);
    }
  }
}

/**
 * Move every part to the mean of its neighbors and separate what overlaps, in several sweeps.
 * @param {string[][]} rows
 * @param {Map<string, Part>} parts
 * @param {number} nodeWidth
 */
function horizontalPositions(rows, parts, nodeWidth) {
  /** @type {Map<string, number>} */
  const x = new Map();
  /** @param {string} id */
  const widthOf = (id) => (lookup(parts, id).bend ? BEND_WIDTH : nodeWidth);
  for (const row of rows) {
    let left = 0;
    for (const id of row) {
      x.set(id, left + widthOf(id) / 2);
      left += widthOf(id) + GAP;
    }
    for (const id of row) x.set(id, lookup(x, id) - left / 2);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const up = sweep % 2 === 1;
    for (const row of up ? [...rows].reverse() : rows) {
      const targets = row.map((id) => mean(lookup(parts, id)[up ? "below" : "above"], x) ?? lookup(x, id));
      separate(row, targets, widthOf, x);
    }
  }
  return x;
}

/**
 * Position a row. Parts that would overlap become one block at the mean of their targets.
 * @param {string[]} row
 * @param {number[]} targets
 * @param {(id: string) => number} widthOf
 * @param {Map<string, number>} x changed in place
 */
function separate(row, targets, widthOf, x) {
  /** @type {Block[]} */
  const blocks = [];
  row.forEach((id, index) => {
    let block = { ids: [id], offsets: [0], position: targets[index], width: 0 };
    for (let last = blocks.at(-1); last; last = blocks.at(-1)) {
      const lastId = last.ids[last.ids.length - 1];
      const distance = last.width + (widthOf(lastId) + widthOf(block.ids[0])) / 2 + GAP;
      if (last.position + distance <= block.position) break;
      blocks.pop();
      block = merged(last, block, distance);
    }
    blocks.push(block);
  });
  for (const block of blocks) block.ids.forEach((id, index) => x.set(id, block.position + block.offsets[index]));
}

/** @param {Block} left @param {Block} right @param {number} distance @returns {Block} */
function merged(left, right, distance) {
  const count = left.ids.length + right.ids.length;
  return {
    ids: [...left.ids, ...right.ids],
    offsets: [...left.offsets, ...right.offsets.map((offset) => offset + distance)],
    position: (left.position * left.ids.length + (right.position - distance) * right.ids.length) / count,
    width: distance + right.width,
  };
}

/**
 * @param {string[][]} rows
 * @param {Map<string, Part>} parts
 * @param {string[][]} chains
 * @param {Map<string, number>} across
 * @param {(id: string) => number} heightOf
 * @param {number} nodeWidth
 */
function drawing(rows, parts, chains, across, heightOf, nodeWidth) {
  /** @param {string} id */
  const halfWidth = (id) => (lookup(parts, id).bend ? 0 : nodeWidth / 2);
  const left = Math.min(0, ...[...across].map(([id, x]) => x - halfWidth(id)));
  const heights = rows.map((row) => Math.max(0, ...row.map((id) => (lookup(parts, id).bend ? 0 : heightOf(id)))));
  const tops = heights.map((_, row) => heights.slice(0, row).reduce((sum, height) => sum + height + GAP, 0));
  /** @param {string} id */
  const x = (id) => lookup(across, id) - left;
  /** @param {string} id */
  const rowHeight = (id) => heights[lookup(parts, id).row];
  /** @param {string} id */
  const y = (id) => tops[lookup(parts, id).row] + rowHeight(id) / 2;
  // From the lower side of the first node to the upper side of the last; vertical through each row that is passed.
  /** @param {string[]} chain @returns {Point[]} */
  const route = (chain) => {
    const [first, last] = [chain[0], chain[chain.length - 1]];
    const bends = chain.slice(1, -1).flatMap((id) => [
      /** @type {Point} */ ([x(id), y(id) - rowHeight(id) / 2]),
      /** @type {Point} */ ([x(id), y(id) + rowHeight(id) / 2]),
    ]);
    return [[x(first), y(first) + heightOf(first) / 2], ...bends, [x(last), y(last) - heightOf(last) / 2]];
  };
  const nodes = [...parts.values()]
    .filter((part) => !part.bend)
    .map(({ id }) => ({ id, x: x(id), y: y(id), width: nodeWidth, height: heightOf(id) }));
  const edges = chains.map((chain) => ({ from: chain[0], to: chain[chain.length - 1], points: route(chain) }));
  const width = Math.max(0, ...[...parts.keys()].map((id) => x(id) + halfWidth(id)));
  return { nodes, edges, width, height: (tops.at(-1) ?? 0) + (heights.at(-1) ?? 0) };
}

/**
 * Return the SVG path of a smooth curve through points.
 * @param {Point[]} points
 */
export function curvePath(points) {
  let path = `M${points[0].join(" ")}`;
  for (let index = 1; index < points.length; index += 1) {
    const [[ax, ay], [bx, by]] = [points[index - 1], points[index]];
    const middle = (ay + by) / 2;
    path += ax === bx ? `L${bx} ${by}` : `C${ax} ${middle} ${bx} ${middle} ${bx} ${by}`;
  }
  return path;
}

/** @param {string[]} ids @param {Map<string, number>} values */
function mean(ids, values) {
  return ids.length ? ids.reduce((sum, id) => sum + lookup(values, id), 0) / ids.length : null;
}

/** @param {string[]} ids @returns {Map<string, number>} */
const counter = (ids) => new Map(ids.map((id) => [id, 0]));

/**
 * Return the value of a key that is known to be in a map.
 * @template T
 * @param {Map<string, T>} map
 * @param {string} key
 * @returns {T}
 */
const lookup = (map, key) => /** @type {T} */ (map.get(key));
