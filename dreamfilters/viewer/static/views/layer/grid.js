// All units of a layer on one canvas, of which only what is seen is painted; pointer and keys move over it.
import { painter } from "../../lib/map_painting.js";
import { dream, pin } from "../../state/actions.js";
import { centerOf, fieldOf, usePlacing } from "../../state/receptive_fields.js";
import { html, useLayoutEffect, useMemo, useRef, useState } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { useLook } from "../../lib/theme_colors.js";
import { indexed } from "../../state/network_index.js";
import { go, linkTo } from "../../state/routing.js";
import { corner, draw, geometry, under } from "./grid_canvas.js";
import { app, pointer } from "../../state/store.js";
import { labelOf, spoken } from "./unit_labels.js";
import { useDreamSheet } from "../dream/dream_sheet.js";
import { Reading } from "./tooltip.js";

const places = new Map(); // where each layer was left: {unit, top}

/** `units` in their order; `sheets` one for each image (or undefined); `verdicts` by unit, or null. */
export function Grid({ view, layer, images, sheets, units, verdicts, endsOf }) {
  const net = indexed(app.use((state) => state.network));
  const form = app.use((state) => state.network.form);
  const box = useBox();
  const canvas = useRef();
  const [active, setActive] = useState(0);
  const [hover, setHover] = useState(null); // {at, tile, down, across, x, y}
  const placed = usePlacing(layer, form, sheets.find(Boolean)?.full);
  const shown = { net, view, layer, images, sheets, units, verdicts, endsOf, placed };
  const geo = geometryOf(shown, box);
  const cursor = Math.min(active, units.length - 1);
  const scene = useScene(shown, box, { active: cursor, hover: hover?.at ?? -1 });
  usePainting(canvas, box, geo, scene);
  usePlaceKept(layer, units, cursor, setActive, box);
  useGridKeys(shown, box, geo, cursor, setActive);

  const find = (event) => {
    const { left, top } = canvas.current.getBoundingClientRect();
    return under(geo, event.clientX - left, event.clientY - top + box.scroll.current);
  };
  const point = (event) => {
    const found = find(event);
    setHover(found && { ...found, x: event.clientX, y: event.clientY });
    pointer.set({ at: found && pointedAt(found, geo, shown) });
  };
  const leave = () => {
    setHover(null);
    pointer.set({ at: null });
  };
  const press = (event) => {
    const found = find(event);
    if (!found) return;
    setActive(found.at);
    if (event.shiftKey) pin(layer.name, units[found.at]);
    else if (event.ctrlKey || event.metaKey) window.open(linkTo(view, { unit: units[found.at] }), "_blank", "noopener");
    else go({ unit: units[found.at] });
  };
  return html`
    <div class="units" ref=${box.element} tabindex="0" role="listbox" aria-label=${`Units of ${layer.name}`}
        aria-activedescendant="active-unit" onFocus=${box.onFocus} onBlur=${box.onBlur}>
      <div class="unseen" role="option" id="active-unit" aria-selected="true">
        ${units.length ? spoken(net, layer, sheets, verdicts, units[cursor]) : "no unit"}
      </div>
      <div class="length" style=${{ height: `${Math.max(geo.total, box.height)}px` }}>
        <canvas ref=${canvas} onPointerMove=${point} onPointerLeave=${leave} onClick=${press}
          style=${{ height: `${box.height}px` }}></canvas>
      </div>
      ${hover && html`<${Reading} hover=${hover} geo=${geo} shown=${shown} />`}
    </div>`;
}

/** The size of an element, how far it is scrolled, and whether keys go to it. */
function useBox() {
  const element = useRef();
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

const withDreams = ({ view, layer }) => view.show !== "map" && layer.dreamable;
const onlyDreams = (shown) => withDreams(shown) && shown.view.show === "dream";

function geometryOf(shown, box) {
  const { layer, images, units, view } = shown;
  const count = onlyDreams(shown) ? 0 : images.length;
  const bars = layer.display === "bars";
  return geometry({
    width: box.width, count: units.length, size: view.size, dream: withDreams(shown),
    maps: bars ? 0 : count, bars: bars ? count : 0,
  });
}

/** What the stage asks for when it paints a cell. */
function useScene(shown, box, marks) {
  const { net, view, layer, sheets, units, verdicts, endsOf } = shown;
  const look = useLook();
  const pinned = app.use((state) => state.pinned);
  const at = pointer.use((state) => state.at);
  const dreams = useDreamSheet(withDreams(shown) ? layer : null);
  const maps = useMemo(() => painter(units, endsOf, view.colors), [units, endsOf, view.colors, ...sheets]);
  const bars = layer.display === "bars";
  const barsOf = (unit) => sheets.filter(Boolean).map((sheet) => shareOf(sheet, unit, endsOf(unit)));
  return {
    ...marks, look, units, width: box.width, height: box.height, focused: box.focused, dreamable: layer.dreamable,
    pinned: new Set(pinned.filter((one) => one.layer === layer.name).map((one) => one.unit)),
    mark: at?.layer === layer.id && !bars ? markOf(at) : null,
    paintMap: (context, place, number, x, y, side) => maps(context, sheets[number], place, x, y, side),
    paintDream: dreams.paint,
    bars: bars && !onlyDreams(shown) ? barsOf : () => [],
    label: (unit) => labelOf(net, layer, sheets, verdicts, unit, bars),
    painted: `${layer.name} ${sheets.every(Boolean)}`,
  };
}

/** Paint after each drawing of the view, and once a frame while it is scrolled. */
function usePainting(canvas, box, geo, scene) {
  useLayoutEffect(() => {
    let frame = 0;
    const paint = () => {
      frame = 0;
      draw(fitted(canvas.current, box), geo, { ...scene, scroll: box.scroll.current });
      // For the tests, and for who measures.
      const { tile, columns } = geo;
      Object.assign(canvas.current.dataset, { painted: scene.painted, tile, columns, first: scene.units[0] });
    };
    const soon = () => {
      box.scroll.current = element.scrollTop;
      frame ||= requestAnimationFrame(paint);
    };
    const element = box.element.current;
    paint();
    element.addEventListener("scroll", soon, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", soon);
    };
  });
}

function fitted(canvas, { width, height }) {
  const dense = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * dense), Math.round(height * dense)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  context.setTransform(dense, 0, 0, dense, 0, 0);
  return context;
}

/** Who comes back from a unit finds the grid as it was left. */
function usePlaceKept(layer, units, cursor, setActive, box) {
  const unit = useRef();
  unit.current = units[cursor];
  const measured = box.width > 0;
  useLayoutEffect(() => {
    if (!measured) return undefined;
    const element = box.element.current;
    const left = places.get(layer.id);
    if (left) {
      setActive(Math.max(0, units.indexOf(left.unit)));
      element.scrollTop = left.top;
      box.scroll.current = element.scrollTop;
    }
    return () => {
      places.set(layer.id, { unit: unit.current, top: element.scrollTop });
      pointer.set({ at: null });
    };
  }, [measured]);
}

function useGridKeys({ layer, units }, box, geo, cursor, setActive) {
  const move = (by) => () => {
    const next = Math.min(Math.max(cursor + by, 0), units.length - 1);
    setActive(next);
    const element = box.element.current;
    element.focus({ preventScroll: true });
    const [, top] = corner(geo, next);
    if (top < element.scrollTop) element.scrollTop = top - 8;
    else if (top + geo.high > element.scrollTop + box.height) element.scrollTop = top + geo.high + 8 - box.height;
  };
  const [left, right, up, down] = [move(-1), move(1), move(-geo.columns), move(geo.columns)];
  const page = Math.max(1, Math.floor(box.height / geo.high)) * geo.columns;
  useKeys({
    ArrowLeft: left, h: left, ArrowRight: right, l: right, ArrowUp: up, k: up, ArrowDown: down, j: down,
    PageUp: move(-page), PageDown: move(page), Home: move(-Infinity), End: move(Infinity),
    Enter: () => units.length && go({ unit: units[cursor] }),
    d: () => layer.dreamable && units.length && dream(layer.id, units[cursor]),
    p: () => units.length && pin(layer.name, units[cursor]),
  });
}

const markOf = ({ row, column, height, width }) =>
  row === undefined ? null : { down: (row + 0.5) / height, across: (column + 0.5) / width };

// The place of the map under the pointer, as the image beside and every other map show it.
function pointedAt({ at, tile, down, across }, geo, { layer, units, images, sheets, placed }) {
  const number = tile - (geo.dream ? 1 : 0);
  const sheet = sheets[number];
  const about = { layer: layer.id, unit: units[at] };
  if (tile < 0 || number < 0 || sheet?.display !== "maps") return about;
  const [height, width] = sheet.full;
  const row = Math.min(height - 1, Math.floor(down * height));
  const column = Math.min(width - 1, Math.floor(across * width));
  const seen = placed && { field: fieldOf(placed, row, column), center: centerOf(placed, row, column) };
  return { ...about, image: images[number].id, row, column, height, width, ...seen };
}

function shareOf(sheet, unit, [low, high]) {
  const share = (value) => (high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0);
  return [share(0), share(sheet.maximum[unit])];
}
