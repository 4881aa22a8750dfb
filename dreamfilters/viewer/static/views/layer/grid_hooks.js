// @ts-check
// Hooks of the grid: its size, its painting, its keys, and the position at which it was left.
import { useLayoutEffect, useRef, useState } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { contextOf } from "../../lib/map_painting.js";
import { startDream, togglePin } from "../../state/actions.js";
import { toggleAblated } from "../../state/changes.js";
import { isClassLayer } from "../../state/network_index.js";
import { go } from "../../state/routing.js";
import { pointer } from "../../state/store.js";
import { cellCorner, drawGrid } from "./grid_canvas.js";

/** @typedef {import("./grid_canvas.js").Geometry} Geometry */
/** @typedef {ReturnType<typeof useScrollBox>} ScrollBox */

const FAST = 4; // cells that Shift and a key move

/** The unit and the scroll position at which the grid of each layer was left. */
const leftAt = /** @type {Map<string, { unit: number, top: number }>} */ (new Map());

/** The size of the scrolled element, how far it is scrolled, and whether it has the focus. */
export function useScrollBox() {
  const element = useRef(/** @type {HTMLElement} */ (/** @type {unknown} */ (null))); // set before any effect runs
  const scroll = useRef(0);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [focused, setFocused] = useState(false);
  useLayoutEffect(() => {
    const measure = () => {
      const { clientWidth, clientHeight } = element.current;
      const { paddingLeft, paddingRight } = getComputedStyle(element.current);
      setSize({ width: clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight), height: clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element.current);
    measure();
    return () => observer.disconnect();
  }, []);
  return { element, scroll, ...size, focused, onFocus: () => setFocused(true), onBlur: () => setFocused(false) };
}

/**
 * Paint after each render, and once a frame while the grid is scrolled.
 * @param {{ current: HTMLCanvasElement | null }} canvas
 * @param {ScrollBox} box
 * @param {Geometry} geometry
 * @param {Omit<import("./grid_canvas.js").Scene, "scroll"> & { state: string }} scene
 */
export function usePainting(canvas, box, geometry, scene) {
  useLayoutEffect(() => {
    const element = box.element.current;
    let frame = 0;
    const paint = () => {
      frame = 0;
      if (!canvas.current) return;
      drawGrid(sizedContext(canvas.current, box), geometry, { ...scene, scroll: box.scroll.current });
      // Read by the tests.
      const { tile, columns } = geometry;
      Object.assign(canvas.current.dataset, { painted: scene.state, tile, columns, first: scene.units[0] });
    };
    const scrolled = () => {
      box.scroll.current = element.scrollTop;
      frame ||= requestAnimationFrame(paint);
    };
    paint();
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", scrolled);
    };
  });
}

/** @param {HTMLCanvasElement} canvas @param {{ width: number, height: number }} size in CSS pixels */
function sizedContext(canvas, { width, height }) {
  const density = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = contextOf(canvas);
  context.setTransform(density, 0, 0, density, 0, 0);
  return context;
}

/**
 * Restore the cursor and the scroll position at which the layer was left.
 * @param {import("../../types.js").Layer} layer
 * @param {number[]} units
 * @param {number} cursor
 * @param {(index: number) => void} setActive
 * @param {ScrollBox} box
 */
export function useRestoredScroll(layer, units, cursor, setActive, box) {
  const unit = useRef(0);
  unit.current = units[cursor];
  const measured = box.width > 0;
  useLayoutEffect(() => {
    if (!measured) return undefined;
    const element = box.element.current;
    const left = leftAt.get(layer.id);
    if (left) {
      setActive(Math.max(0, units.indexOf(left.unit)));
      element.scrollTop = left.top;
      box.scroll.current = element.scrollTop;
    }
    return () => {
      leftAt.set(layer.id, { unit: unit.current, top: element.scrollTop });
      pointer.set({ at: null });
    };
  }, [measured]);
}

/**
 * @param {import("./grid.js").GridProps} props
 * @param {ScrollBox} box
 * @param {Geometry} geometry
 * @param {number} cursor
 * @param {(index: number) => void} setActive
 */
export function useGridKeys({ layer, units }, box, geometry, cursor, setActive) {
  const move = (/** @type {number} */ step) => (/** @type {KeyboardEvent} */ event) => {
    const next = Math.min(Math.max(cursor + (event.shiftKey ? FAST : 1) * step, 0), units.length - 1);
    setActive(next);
    const element = box.element.current;
    element.focus({ preventScroll: true });
    const [, top] = cellCorner(geometry, next);
    const bottom = top + geometry.height;
    if (top < element.scrollTop) element.scrollTop = top - 8;
    else if (bottom > element.scrollTop + box.height) element.scrollTop = bottom + 8 - box.height;
  };
  const [left, right, up, down] = [move(-1), move(1), move(-geometry.columns), move(geometry.columns)];
  const page = Math.max(1, Math.floor(box.height / geometry.height)) * geometry.columns;
  const onUnit = (/** @type {(unit: number) => void} */ action) => () => {
    if (units.length) action(units[cursor]);
  };
  useKeys({
    ...{ ArrowLeft: left, h: left, ArrowRight: right, l: right, ArrowUp: up, k: up, ArrowDown: down, j: down },
    ...{ H: left, L: right, K: up, J: down },
    ...{ PageUp: move(-page), PageDown: move(page), Home: move(-Infinity), End: move(Infinity) },
    Enter: onUnit((unit) => go({ unit })),
    z: onUnit((unit) => isClassLayer(layer) || toggleAblated(layer.name, unit)),
    d: onUnit((unit) => layer.dreamable && startDream(layer.id, unit)),
    p: onUnit((unit) => togglePin(layer.name, unit)),
  });
}
