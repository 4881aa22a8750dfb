// A layered drawing of a network: rows by depth, order by the neighbors, long edges bent around what is between.
// After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", IEEE SMC 1981.

const SWEEPS = 8;
const WIDTH = 176; // of a node
const GAP = { x: 28, y: 28, bend: 10 };

/** Return places: {nodes: [{id, x, y, width, height}], edges: [{from, to, points}], width, height}; x, y the middle. */
export function layout(ids, pairs, heightOf) {
  const known = new Set(ids);
  const edges = pairs.filter(([from, to]) => from !== to && known.has(from) && known.has(to));
  const depth = depths(ids, edges);
  const { rows, parts, chains } = withBends(ids, edges, depth);
  order(rows, parts);
  const across = coordinates(rows, parts);
  return drawn(rows, parts, chains, across, heightOf);
}

/** How many steps the longest way to each node has. An edge that closes a circle counts for nothing. */
export function depths(ids, edges) {
  const into = new Map(ids.map((id) => [id, 0]));
  const out = new Map(ids.map((id) => [id, []]));
  for (const [from, to] of edges) {
    out.get(from).push(to);
    into.set(to, into.get(to) + 1);
  }
  const depth = new Map(ids.map((id) => [id, 0]));
  const free = ids.filter((id) => !into.get(id));
  while (free.length) {
    const id = free.shift();
    for (const next of out.get(id)) {
      depth.set(next, Math.max(depth.get(next), depth.get(id) + 1));
      into.set(next, into.get(next) - 1);
      if (!into.get(next)) free.push(next);
    }
  }
  return depth;
}

// A part is a node, or the bend of an edge in a row that it only passes.
function withBends(ids, edges, depth) {
  const rows = [];
  const parts = new Map();
  const add = (id, row, bend) => {
    (rows[row] ??= []).push(id);
    parts.set(id, { id, row, bend, above: [], below: [] });
  };
  for (const id of ids) add(id, depth.get(id), false);
  const chains = edges
    .filter(([from, to]) => depth.get(to) > depth.get(from))
    .map(([from, to], number) => {
      const chain = [from];
      for (let row = depth.get(from) + 1; row < depth.get(to); row += 1) {
        const id = `bend ${number} ${row}`;
        add(id, row, true);
        chain.push(id);
      }
      chain.push(to);
      for (let at = 1; at < chain.length; at += 1) {
        parts.get(chain[at - 1]).below.push(chain[at]);
        parts.get(chain[at]).above.push(chain[at - 1]);
      }
      return chain;
    });
  for (let row = 0; row < rows.length; row += 1) rows[row] ??= [];
  return { rows, parts, chains };
}

/** Sort each row by the mean place of the neighbors, downwards and upwards, until little crosses. */
function order(rows, parts) {
  const place = new Map();
  const note = (row) => row.forEach((id, at) => place.set(id, at));
  rows.forEach(note);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wish = new Map(row.map((id, at) => [id, mean(parts.get(id)[down ? "above" : "below"], place) ?? at]));
      row.sort((a, b) => wish.get(a) - wish.get(b) || place.get(a) - place.get(b));
      note(row);
    }
  }
}

/** Pull every part towards its neighbors and push apart what would touch, a few times. */
function coordinates(rows, parts) {
  const x = new Map();
  const wide = (id) => (parts.get(id).bend ? GAP.bend : WIDTH);
  for (const row of rows) {
    let at = 0;
    for (const id of row) {
      x.set(id, at + wide(id) / 2);
      at += wide(id) + GAP.x;
    }
    for (const id of row) x.set(id, x.get(id) - at / 2);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const row of sweep % 2 ? [...rows].reverse() : rows) {
      const near = (id) => (sweep % 2 ? parts.get(id).below : parts.get(id).above);
      settle(
        row,
        row.map((id) => mean(near(id), x) ?? x.get(id)),
        wide,
        x,
      );
    }
  }
  return x;
}

// Neighbors that would touch become one block, which lies at the mean of what its members wish for.
function settle(row, wishes, wide, x) {
  const blocks = [];
  row.forEach((id, at) => {
    let block = { ids: [id], offsets: [0], wish: wishes[at], width: 0 };
    while (blocks.length) {
      const last = blocks.at(-1);
      const gap = last.width + (wide(last.ids.at(-1)) + wide(block.ids[0])) / 2 + GAP.x;
      if (last.wish + gap <= block.wish) break;
      blocks.pop();
      block = joined(last, block, gap);
    }
    blocks.push(block);
  });
  for (const block of blocks) block.ids.forEach((id, at) => x.set(id, block.wish + block.offsets[at]));
}

function joined(left, right, gap) {
  const count = left.ids.length + right.ids.length;
  return {
    ids: [...left.ids, ...right.ids],
    offsets: [...left.offsets, ...right.offsets.map((offset) => offset + gap)],
    wish: (left.wish * left.ids.length + (right.wish - gap) * right.ids.length) / count,
    width: gap + right.width,
  };
}

function drawn(rows, parts, chains, across, heightOf) {
  const half = (id) => (parts.get(id).bend ? 0 : WIDTH / 2);
  const left = Math.min(0, ...[...across].map(([id, x]) => x - half(id)));
  const x = (id) => across.get(id) - left;
  const heights = rows.map((row) => Math.max(0, ...row.map((id) => (parts.get(id).bend ? 0 : heightOf(id)))));
  const tops = heights.map((_, row) => heights.slice(0, row).reduce((sum, height) => sum + height + GAP.y, 0));
  const highOf = (id) => heights[parts.get(id).row];
  const y = (id) => tops[parts.get(id).row] + highOf(id) / 2;
  const nodes = [...parts.values()]
    .filter((part) => !part.bend)
    .map(({ id }) => ({ id, x: x(id), y: y(id), width: WIDTH, height: heightOf(id) }));
  const edges = chains.map((chain) => {
    return { from: chain[0], to: chain.at(-1), points: points(chain, x, y, heightOf, highOf) };
  });
  const width = Math.max(0, ...[...parts.keys()].map((id) => x(id) + half(id)));
  return { nodes, edges, width, height: (tops.at(-1) ?? 0) + (heights.at(-1) ?? 0) };
}

// From the lower side of the first node to the upper side of the last; upright through each row that is only passed.
function points(chain, x, y, heightOf, highOf) {
  const [first, last] = [chain[0], chain.at(-1)];
  const passed = chain.slice(1, -1).flatMap((id) => [-1, 1].map((side) => [x(id), y(id) + (side * highOf(id)) / 2]));
  return [[x(first), y(first) + heightOf(first) / 2], ...passed, [x(last), y(last) - heightOf(last) / 2]];
}

/** A line through points, bent softly, as SVG writes it. */
export function curve(points) {
  let text = `M${points[0].join(" ")}`;
  for (let at = 1; at < points.length; at += 1) {
    const [[ax, ay], [bx, by]] = [points[at - 1], points[at]];
    const middle = (ay + by) / 2;
    text += ax === bx ? `L${bx} ${by}` : `C${ax} ${middle} ${bx} ${middle} ${bx} ${by}`;
  }
  return text;
}

function mean(ids, where) {
  return ids.length ? ids.reduce((sum, id) => sum + where.get(id), 0) / ids.length : null;
}
