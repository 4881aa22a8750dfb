// @ts-check
// The network as a graph: a box for each layer with its strongest maps, branches side by side.
import { curvePath, layoutGraph } from "../../lib/graph_layout.js";
import { html, names, useEffect, useMemo, useRef, useState } from "../../lib/html.js";
import { contextOf, paintSheet } from "../../lib/map_painting.js";
import { formatNumber, formatShape } from "../../lib/number_format.js";
import { fitText, textRuler } from "../../lib/text_fit.js";
import { themeColors } from "../../lib/theme_colors.js";
import { layerLimits, useMapSheet } from "../../state/map_sheets.js";
import { anchorTo } from "../../state/routing.js";
import { familyClass, layerView } from "./layer_list.js";

/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").Network} Network */
/** @typedef {import("../../types.js").ViewProps} ViewProps */

const MARGIN = 16;
const [BOX_HEIGHT, BOX_HEIGHT_WITH_MAPS] = [46, 92];
const TILES = 4;
const TILE = 38;

/** @param {Pick<ViewProps, "view" | "net" | "ready"> & { network: Network, image: ImageInfo | undefined }} props */
export function Graph({ view, net, network, image, ready }) {
  const graph = useMemo(() => {
    const ids = network.layers.map((layer) => layer.id);
    const heightOf = (/** @type {string} */ id) =>
      net.byId.get(id)?.display === "maps" ? BOX_HEIGHT_WITH_MAPS : BOX_HEIGHT;
    return layoutGraph(ids, network.edges, heightOf);
  }, [network]);
  const [width, height] = [graph.width + 2 * MARGIN, graph.height + 2 * MARGIN];
  return html`
    <div class="graph">
      <svg viewBox=${`${-MARGIN} ${-MARGIN} ${width} ${height}`} width=${width} height=${height} role="group"
          aria-label="The network's layers">
        <defs><marker id="arrowhead" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 .5 7.5 4 0 7.5z" class="arrowhead" /></marker></defs>
        ${graph.edges.map(
          (edge) => html`<path class="edge" d=${curvePath(edge.points)} marker-end="url(#arrowhead)" />`,
        )}
        ${graph.nodes.map(
          (node) => html`<${LayerBox} key=${node.id} box=${node} layer=${net.byId.get(node.id)} view=${view}
              image=${image} ready=${ready} />`,
        )}
      </svg>
    </div>`;
}

/**
 * @param {Pick<ViewProps, "view" | "layer" | "ready"> & { box: import("../../lib/graph_layout.js").DrawnNode,
 *   image: ImageInfo | undefined }} props
 */
function LayerBox({ box, layer, view, image, ready }) {
  const element = useRef(/** @type {Element | null} */ (null));
  const near = useNearViewport(element);
  const [left, top] = [box.x - box.width / 2, box.y - box.height / 2];
  return html`
    <a ref=${element} class=${names("node", familyClass(layer))} ...${anchorTo(view, layerView(layer))}>
      <title>${`${layer.name}: ${layer.type}, ${formatShape(layer.shape)}`}</title>
      <rect x=${left} y=${top} width=${box.width} height=${box.height} rx="6" />
      <rect class="edge-mark" x=${left} y=${top} width="4" height=${box.height} rx="2" />
      <text class="name" x=${left + 14} y=${top + 18}>${nameText(layer, box.width)}</text>
      <text class="kind" x=${left + 14} y=${top + 34}>${typeText(layer, box.width)}</text>
      ${
        layer.display === "maps" &&
        near &&
        image &&
        html`
        <foreignObject x=${left + 12} y=${top + 44} width=${box.width - 20} height=${TILE + 4}>
          <${StrongestMaps} layer=${layer} image=${image} ready=${ready} colors=${view.colors} />
        </foreignObject>`
      }
    </a>`;
}

/**
 * The maps of the units with the strongest response.
 * @param {{ layer: Layer, image: ImageInfo, ready: boolean, colors: import("../../types.js").Colormap }} props
 */
function StrongestMaps({ layer, image, ready, colors }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const sheet = useMapSheet(ready ? layer.id : null, image).value;
  useEffect(() => {
    if (!sheet || !canvas.current) return;
    const units = Array.from(sheet.maximum.keys())
      .sort((a, b) => sheet.maximum[b] - sheet.maximum[a])
      .slice(0, TILES);
    const maps = paintSheet(sheet, units, () => layerLimits([sheet]), colors);
    const density = devicePixelRatio || 1;
    Object.assign(canvas.current, { width: TILES * (TILE + 2) * density, height: TILE * density });
    const context = contextOf(canvas.current);
    context.imageSmoothingEnabled = sheet.width > TILE * density;
    context.scale(density, density);
    const { width, height } = sheet;
    units.forEach((_, index) =>
      context.drawImage(maps, 0, index * height, width, height, index * (TILE + 2), 0, TILE, TILE),
    );
  }, [sheet, colors]);
  const label = sheet ? `The strongest maps, up to ${formatNumber(layerLimits([sheet])[1])}` : "The maps are loading";
  return html`<canvas ref=${canvas} class="strip" width=${TILES * (TILE + 2)} height=${TILE} role="img"
      aria-label=${label}></canvas>`;
}

/**
 * Whether an element is or has been near the visible area: maps outside it are not fetched.
 * @param {{ current: Element | null }} element
 */
function useNearViewport(element) {
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (!element.current) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        setNear(true);
        observer.disconnect();
      },
      { rootMargin: "200px" },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return near;
}

/** @param {Layer} layer @param {number} width */
const nameText = (layer, width) =>
  fitText(textRuler(`560 12.5px ${themeColors().font}`), layer.name, width - 20, true);

/** The type and the shape; the type is shortened where both do not fit. @param {Layer} layer @param {number} width */
function typeText(layer, width) {
  const ruler = textRuler(`400 10.5px ${themeColors().font}`);
  const shape = ` · ${formatShape(layer.shape)}`;
  return fitText(ruler, layer.type.replace(/2D$/, ""), width - 20 - ruler.measureText(shape).width) + shape;
}
