// The network as a drawing: every layer a box with its strongest maps, every way to the next a line, branches abreast.
import { html, names, useEffect, useMemo, useRef, useState } from "../../lib/html.js";
import { curve, layout } from "../../lib/graph_layout.js";
import { fitted, measuring } from "../../lib/text_fit.js";
import { look } from "../../lib/theme_colors.js";
import { figures, sizes } from "../../lib/number_format.js";
import { go, linkTo } from "../../state/routing.js";
import { paint, useSheet, whole } from "../../state/map_sheets.js";
import { kindOf } from "./layer_list.js";

const MARGIN = 16;
const [PLAIN, WITH_MAPS] = [46, 92]; // heights of a box
const TILES = 4;
const TILE = 38;

/** The drawing; `image` is what the maps are of. */
export function Graph({ view, net, network, image, ready }) {
  const drawing = useMemo(() => {
    const ids = network.layers.map((layer) => layer.id);
    return layout(ids, network.edges, (id) => (net.byId.get(id).display === "maps" ? WITH_MAPS : PLAIN));
  }, [network]);
  const [width, height] = [drawing.width + 2 * MARGIN, drawing.height + 2 * MARGIN];
  return html`
    <div class="graph">
      <svg viewBox=${`${-MARGIN} ${-MARGIN} ${width} ${height}`} width=${width} height=${height} role="group"
          aria-label="The network's layers">
        <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 .5 7.5 4 0 7.5z" class="tip" /></marker></defs>
        ${drawing.edges.map((edge) => html`<path class="edge" d=${curve(edge.points)} marker-end="url(#tip)" />`)}
        ${drawing.nodes.map((node) => html`<${Node} key=${node.id} node=${node} layer=${net.byId.get(node.id)}
            view=${view} image=${image} ready=${ready} />`)}
      </svg>
    </div>`;
}

function Node({ node, layer, view, image, ready }) {
  const box = useRef();
  const near = useNear(box);
  const [left, top] = [node.x - node.width / 2, node.y - node.height / 2];
  const visit = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go({ layer: layer.name, unit: null, compare: [], only: "" });
  };
  return html`
    <a ref=${box} href=${linkTo(view, { layer: layer.name, unit: null, compare: [] })}
        class=${names("node", kindOf(layer))} onClick=${visit}>
      <title>${`${layer.name}: ${layer.type}, ${sizes(layer.shape)}`}</title>
      <rect x=${left} y=${top} width=${node.width} height=${node.height} rx="6" />
      <rect class="edge-mark" x=${left} y=${top} width="4" height=${node.height} rx="2" />
      <text class="name" x=${left + 14} y=${top + 18}>${nameText(layer, node.width)}</text>
      <text class="kind" x=${left + 14} y=${top + 34}>
        ${kindText(layer, node.width)}</text>
      ${
        layer.display === "maps" &&
        near &&
        image &&
        html`
        <foreignObject x=${left + 12} y=${top + 44} width=${node.width - 20} height=${TILE + 4}>
          <${Strongest} layer=${layer} image=${image} ready=${ready} colors=${view.colors} />
        </foreignObject>`
      }
    </a>`;
}

/** The maps of the units that answer most. */
function Strongest({ layer, image, ready, colors }) {
  const canvas = useRef();
  const sheet = useSheet(ready ? layer.id : null, image).value;
  useEffect(() => {
    if (!sheet) return;
    const units = Array.from(sheet.maximum.keys())
      .sort((a, b) => sheet.maximum[b] - sheet.maximum[a])
      .slice(0, TILES);
    const source = paint(document.createElement("canvas"), sheet, units, () => whole([sheet]), colors);
    const dense = devicePixelRatio || 1;
    Object.assign(canvas.current, { width: TILES * (TILE + 2) * dense, height: TILE * dense });
    const context = canvas.current.getContext("2d");
    context.imageSmoothingEnabled = sheet.width > TILE * dense;
    context.scale(dense, dense);
    units.forEach((_, at) =>
      context.drawImage(source, 0, at * sheet.height, sheet.width, sheet.height, at * (TILE + 2), 0, TILE, TILE),
    );
  }, [sheet, colors]);
  return html`<canvas ref=${canvas} class="strip" width=${TILES * (TILE + 2)} height=${TILE} role="img"
      aria-label=${`The strongest maps, ${sheet ? `up to ${figures(whole([sheet])[1])}` : "on their way"}`}></canvas>`;
}

/** Whether an element has come near what is seen: what is far away is not fetched. */
function useNear(box) {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (seen) => {
        if (!seen.some((one) => one.isIntersecting)) return;
        setNear(true);
        observer.disconnect();
      },
      { rootMargin: "200px" },
    );
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return near;
}

const nameText = (layer, width) => fitted(measuring(`560 12.5px ${look().font}`), layer.name, width - 20, true);

// The shape is always whole; the type gives way.
function kindText(layer, width) {
  const context = measuring(`400 10.5px ${look().font}`);
  const shape = ` · ${sizes(layer.shape)}`;
  const room = width - 20 - context.measureText(shape).width;
  return fitted(context, layer.type.replace(/2D$/, ""), room) + shape;
}
