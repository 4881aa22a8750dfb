// @ts-check
// The map of images to move and to zoom: a press on an image opens it, and so does Enter on the one that the keys reach.
import { moved, nearestTo, nextTo, radiusOf, showing, tileOf, zoomed } from "../../lib/embedding_map.js";
import { html, names, useEffect, useLayoutEffect, useRef, useState } from "../../lib/html.js";
import { useThemeColors } from "../../lib/theme_colors.js";
import { isShown, paintMap } from "./map_painting.js";

/** @typedef {import("../../types.js").EmbeddingMap} EmbeddingMap */
/** @typedef {import("../../lib/embedding_map.js").Camera} Camera */
/** @typedef {import("../../lib/embedding_map.js").MapView} MapView */
/** @typedef {import("../../lib/embedding_map.js").Places} Places */

const ENOUGH = 4; // pixels that a pointer moves before it drags the map
const STEP = 1.5; // of a key that zooms
const PER_TURN = 400; // pixels of the wheel for a factor of e
const MOVES = /** @type {const} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
const ZOOMS = /** @type {Record<string, number>} */ ({ "+": STEP, "=": STEP, "-": 1 / STEP });

/**
 * @param {{ map: EmbeddingMap, view: MapView, places: Places, camera: Camera, sheets: HTMLImageElement[],
 *   loaded: number, alone: number | null, chosen: number, active: number, setCamera: (camera: Camera) => void,
 *   setActive: (index: number) => void, open: (index: number) => void, whole: () => void }} props
 *   `loaded`: how many sheets of thumbnails have arrived
 */
export function Scatter(props) {
  const { map, view, places, camera, alone, chosen, active, setCamera, setActive, open, whole } = props;
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const held = useRef(/** @type {{ x: number, y: number, moved: boolean } | null} */ (null));
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [over, setOver] = useState(false);
  const colors = useThemeColors();
  useLayoutEffect(() => {
    const stage = canvas.current?.parentElement;
    if (!stage) return undefined;
    const update = () => setSize({ width: stage.clientWidth, height: stage.clientHeight });
    const observer = new ResizeObserver(update);
    observer.observe(stage);
    update();
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current && size.width) paintMap(canvas.current, size, { ...props, colors });
    if (canvas.current) canvas.current.dataset.painted = `${view} ${chosen} ${props.loaded}`;
  });
  const shown = (/** @type {number} */ index) => isShown(map, alone, index);
  const under = (/** @type {PointerEvent} */ { offsetX, offsetY }) => {
    const tile = tileOf(map, view, places, camera, size);
    const reach = view === "points" ? Math.max(8, radiusOf(map.names.length, camera) + 2) : tile * 0.6;
    return nearestTo(places, camera, size, [offsetX, offsetY], reach, shown);
  };
  /** @param {PointerEvent} event */
  const press = (event) => {
    held.current = { x: event.offsetX, y: event.offsetY, moved: false };
    canvas.current?.setPointerCapture(event.pointerId);
  };
  /** @param {PointerEvent} event */
  const move = (event) => {
    const from = held.current;
    if (!from) {
      const index = under(event);
      setOver(index >= 0);
      if (index !== active) setActive(index);
      return;
    }
    const [right, down] = [event.offsetX - from.x, event.offsetY - from.y];
    if (!from.moved && Math.hypot(right, down) < ENOUGH) return;
    setCamera(moved(camera, size, right, down));
    held.current = { x: event.offsetX, y: event.offsetY, moved: true };
  };
  /** @param {PointerEvent} event */
  const release = (event) => {
    const from = held.current;
    held.current = null;
    const index = from && !from.moved ? under(event) : -1;
    if (index >= 0) open(index);
  };
  /** @param {WheelEvent} event */
  const turn = (event) => {
    event.preventDefault();
    setCamera(zoomed(camera, size, Math.exp(-event.deltaY / PER_TURN), [event.offsetX, event.offsetY]));
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) {
      const [right, down] = MOVES[/** @type {keyof typeof MOVES} */ (event.key)];
      const next = nextTo(places, active < 0 ? chosen : active, right, down, shown);
      if (next < 0) return;
      setActive(next);
      setCamera(showing(camera, size, places.at[2 * next], places.at[2 * next + 1]));
    } else if (event.key in ZOOMS) setCamera(zoomed(camera, size, ZOOMS[event.key]));
    else if (event.key === "0") whole();
    else if ((event.key === "Enter" || event.key === " ") && active >= 0) open(active);
    else return;
    event.preventDefault();
  };
  return html`
    <div class="map-stage">
      <canvas ref=${canvas} class=${names(over && "over")} tabindex="0" role="application"
          aria-label=${`Map of ${map.names.length} images. Arrow keys go from image to image, Enter opens one, plus and minus zoom, 0 shows the whole map.`}
          onPointerDown=${press} onPointerMove=${move} onPointerUp=${release}
          onPointerCancel=${() => (held.current = null)} onPointerLeave=${() => setActive(-1)} onWheel=${turn} onKeyDown=${key}></canvas>
    </div>`;
}
