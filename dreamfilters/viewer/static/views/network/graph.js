// @ts-check
// The network as a graph: a box for each layer with its strongest units and its verdicts, branches side by side.
import { fittingWidth, foldedGraph } from "../../lib/graph_folding.js";
import { curvePath, layoutGraph } from "../../lib/graph_layout.js";
import { html, names, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../lib/html.js";
import { formatShape } from "../../lib/number_format.js";
import { fitText, textRuler } from "../../lib/text_fit.js";
import { themeColors } from "../../lib/theme_colors.js";
import { isClassLayer } from "../../state/network_index.js";
import { anchorTo } from "../../state/routing.js";
import { familyClass, layerView } from "./layer_list.js";
import { StrongestUnits, tilesOf } from "./strongest_units.js";
import { VerdictBar, verdictText } from "./verdict_bar.js";

/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").Network} Network */
/** @typedef {import("../../types.js").ViewProps} ViewProps */

/** @typedef {import("../../types.js").Overview["verdicts"]} Verdicts */

const MARGIN = 16;
const [TEXT_HEIGHT, BAR_HEIGHT] = [46, 12];

/**
 * @param {Pick<ViewProps, "view" | "net" | "ready"> & { network: Network, image: ImageInfo | undefined,
 *   verdicts: Verdicts, all: boolean }} props `all`: also the layers that only forward
 */
export function Graph({ view, net, network, image, ready, verdicts, all }) {
  const [frame, available] = useWidth();
  const [turn, setTurn] = useState(0); // whose units are dreamed in the background
  const shown = useMemo(() => visibleGraph(network, all), [network, all]);
  const graph = useMemo(() => {
    const width = fittingWidth(shown.ids, shown.edges, available - 2 * MARGIN);
    const heightOf = (/** @type {string} */ id) => boxHeight(/** @type {Layer} */ (net.byId.get(id)), width);
    return layoutGraph(shown.ids, shown.edges, heightOf, width);
  }, [shown, available]);
  const dreamed = shown.ids.filter((id) => net.byId.get(id)?.dreamable);
  const [width, height] = [graph.width + 2 * MARGIN, graph.height + 2 * MARGIN];
  return html`
    <div class="graph" ref=${frame}>
      <svg viewBox=${`${-MARGIN} ${-MARGIN} ${width} ${height}`} width=${width} height=${height} role="group"
          aria-label="The network's layers">
        <defs><marker id="arrowhead" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 .5 7.5 4 0 7.5z" class="arrowhead" /></marker></defs>
        ${graph.edges.map(
          (edge) => html`<path class="edge" d=${curvePath(edge.points)} marker-end="url(#arrowhead)" />`,
        )}
        ${graph.nodes.map(
          (node) => html`<${LayerBox} key=${node.id} box=${node} layer=${net.byId.get(node.id)} view=${view}
              image=${image} ready=${ready} verdicts=${verdicts[node.id]} isTurn=${dreamed[turn] === node.id}
              next=${() => setTurn((now) => (dreamed[now] === node.id ? now + 1 : now))} />`,
        )}
      </svg>
    </div>`;
}

/**
 * Return the layers that are drawn and their connections; those that only forward are folded.
 * @param {Network} network
 * @param {boolean} all
 */
export function visibleGraph(network, all) {
  const folded = new Set(all ? [] : network.layers.filter((layer) => layer.forwards && !isClassLayer(layer)).map(({ id }) => id));
  return foldedGraph(network.layers.map((layer) => layer.id), network.edges, (id) => folded.has(id));
}

/** @param {Layer} layer @param {number} width */
const boxHeight = (layer, width) => TEXT_HEIGHT + (hasUnits(layer) ? tilesOf(width).side + 6 + BAR_HEIGHT : 0);

/** @param {Layer} layer */
const hasUnits = (layer) => layer.display === "maps" || (layer.display === "bars" && layer.dreamable);

/**
 * @param {Pick<ViewProps, "view" | "layer" | "ready"> & { box: import("../../lib/graph_layout.js").DrawnNode,
 *   image: ImageInfo | undefined, verdicts: Verdicts[string] | undefined, isTurn: boolean, next: () => void }} props
 */
function LayerBox({ box, layer, view, image, ready, verdicts, isTurn, next }) {
  const element = useRef(/** @type {Element | null} */ (null));
  const near = useNearViewport(element);
  const [left, top] = [box.x - box.width / 2, box.y - box.height / 2];
  return html`
    <a ref=${element} class=${names("node", familyClass(layer))} ...${anchorTo(view, layerView(layer))}>
      <title>${[`${layer.name}: ${layer.type}, ${formatShape(layer.shape)}`, verdictText(verdicts)].filter(Boolean).join("; ")}</title>
      <rect x=${left} y=${top} width=${box.width} height=${box.height} rx="6" />
      <rect class="edge-mark" x=${left} y=${top} width="4" height=${box.height} rx="2" />
      <text class="name" x=${left + 14} y=${top + 18}>${nameText(layer, box.width)}</text>
      <text class="kind" x=${left + 14} y=${top + 34}>${typeText(layer, box.width)}</text>
      ${
        hasUnits(layer) &&
        near &&
        html`
        <foreignObject x=${left + 12} y=${top + 44} width=${box.width - 20} height=${tilesOf(box.width).side + 4}>
          <${StrongestUnits} layer=${layer} image=${image} ready=${ready} view=${view} tiles=${tilesOf(box.width)}
              isTurn=${isTurn} next=${next} />
        </foreignObject>`
      }
      ${hasUnits(layer) && html`<${VerdictBar} counts=${verdicts} x=${left + 12} y=${top + box.height - 9} width=${box.width - 22} />`}
    </a>`;
}

/** Return the ref of an element and its width, which follows the window. */
function useWidth() {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const frame = element.current;
    if (!frame) return undefined;
    const observer = new ResizeObserver(() => setWidth(frame.clientWidth - 32));
    observer.observe(frame);
    return () => observer.disconnect();
  }, []);
  return /** @type {const} */ ([element, width]);
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
