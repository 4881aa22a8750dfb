// @ts-check
// All units of a layer on one canvas, of which only the visible cells are painted. Pointer and keys select a unit.
import { html, useMemo, useRef, useState } from "../../lib/html.js";
import { mapPainter } from "../../lib/map_painting.js";
import { useThemeColors } from "../../lib/theme_colors.js";
import { togglePin } from "../../state/actions.js";
import { indexNetwork } from "../../state/network_index.js";
import { fieldCenter, receptiveField, useFieldGeometry } from "../../state/receptive_fields.js";
import { go, linkTo } from "../../state/routing.js";
import { app, pointer } from "../../state/store.js";
import { useDreamSheet } from "../dream/dream_sheet.js";
import { cellAt, gridGeometry } from "./grid_canvas.js";
import { useGridKeys, usePainting, useRestoredScroll, useScrollBox } from "./grid_hooks.js";
import { Tooltip } from "./tooltip.js";
import { unitDescription, unitLabel } from "./unit_labels.js";

/** @typedef {import("./grid_canvas.js").CellPart} CellPart */
/** @typedef {import("./grid_canvas.js").Geometry} Geometry */
/** @typedef {import("./grid_canvas.js").Scene} Scene */
/** @typedef {import("../../types.js").MapSheet} MapSheet */
/** @typedef {import("../../types.js").PointerPosition} PointerPosition */
/** @typedef {CellPart & { x: number, y: number }} Hover */
/** @typedef {import("./grid_hooks.js").ScrollBox} ScrollBox */
/**
 * @typedef {object} GridProps
 * @property {import("../../types.js").View} view
 * @property {import("../../types.js").Layer} layer
 * @property {import("../../types.js").ImageInfo[]} images
 * @property {(MapSheet | undefined)[]} sheets one for each image, undefined while it is loading
 * @property {number[]} units in their order
 * @property {import("../../types.js").Verdict[] | null} verdicts by unit
 * @property {(unit: number) => import("../../types.js").Limits} limitsOf
 */

/** @param {GridProps} props */
export function Grid(props) {
  const { view, layer, images, sheets, units, verdicts } = props;
  const net = indexNetwork(app.use((state) => state.network));
  const form = app.use((state) => state.network?.form);
  const box = useScrollBox();
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [active, setActive] = useState(0);
  const [hover, setHover] = useState(/** @type {Hover | null} */ (null));
  const fields = useFieldGeometry(layer, form, sheets.find(Boolean)?.full);
  const loaded = sheets.flatMap((sheet) => sheet ?? []);
  const geometry = geometryOf(props, box);
  const cursor = Math.min(active, units.length - 1);
  usePainting(canvas, box, geometry, useScene(props, box, { active: cursor, hovered: hover?.index ?? -1 }));
  useRestoredScroll(layer, units, cursor, setActive, box);
  useGridKeys(props, box, geometry, cursor, setActive);

  /** @param {MouseEvent} event */
  const cellUnder = (event) => {
    const { left, top } = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    return cellAt(geometry, event.clientX - left, event.clientY - top + box.scroll.current);
  };
  const move = (/** @type {PointerEvent} */ event) => {
    const cell = cellUnder(event);
    setHover(cell && { ...cell, x: event.clientX, y: event.clientY });
    pointer.set({ at: cell && pointerPosition(cell, geometry, props, fields) });
  };
  const leave = () => {
    setHover(null);
    pointer.set({ at: null });
  };
  const press = (/** @type {MouseEvent} */ event) => {
    const cell = cellUnder(event);
    if (!cell) return;
    const unit = units[cell.index];
    setActive(cell.index);
    if (event.shiftKey) togglePin(layer.name, unit);
    else if (event.ctrlKey || event.metaKey) window.open(linkTo(view, { unit }), "_blank", "noopener");
    else go({ unit });
  };
  return html`
    <div class="units" ref=${box.element} tabindex="0" role="listbox" aria-label=${`Units of ${layer.name}`}
        aria-activedescendant="active-unit" onFocus=${box.onFocus} onBlur=${box.onBlur}>
      <div class="visually-hidden" role="option" id="active-unit" aria-selected="true">
        ${units.length ? unitDescription(net, layer, loaded, verdicts, units[cursor]) : "no unit"}
      </div>
      <div class="scroll-content" style=${{ height: `${Math.max(geometry.total, box.height)}px` }}>
        <canvas ref=${canvas} onPointerMove=${move} onPointerLeave=${leave} onClick=${press}
          style=${{ height: `${box.height}px` }}></canvas>
      </div>
      ${hover && html`<${Tooltip} hover=${hover} geometry=${geometry} grid=${{ ...props, net, images }} />`}
    </div>`;
}

/** @param {GridProps} props */
const showsDreams = ({ view, layer }) => view.show !== "map" && layer.dreamable;
/** @param {GridProps} props */
const showsOnlyDreams = (props) => showsDreams(props) && props.view.show === "dream";

/** @param {GridProps} props @param {ScrollBox} box */
function geometryOf(props, box) {
  const { layer, images, units, view } = props;
  const count = showsOnlyDreams(props) ? 0 : images.length;
  const [maps, bars] = layer.display === "bars" ? [0, count] : [count, 0];
  const dream = showsDreams(props);
  return gridGeometry({ width: box.width, count: units.length, size: view.size, dream, maps, bars });
}

/**
 * Return what the canvas shows, except how far it is scrolled.
 * @param {GridProps} props
 * @param {ScrollBox} box
 * @param {{ active: number, hovered: number }} marks
 */
function useScene(props, box, marks) {
  const { view, layer, sheets, units, verdicts, limitsOf } = props;
  const net = indexNetwork(app.use((state) => state.network));
  const theme = useThemeColors();
  const pinned = app.use((state) => state.pinned);
  const at = pointer.use((state) => state.at);
  const dreams = useDreamSheet(showsDreams(props) ? layer : null);
  const paint = useMemo(() => mapPainter(units, limitsOf, view.colors), [units, limitsOf, view.colors, ...sheets]);
  const loaded = sheets.flatMap((sheet) => sheet ?? []);
  const showsBars = layer.display === "bars" && !showsOnlyDreams(props);
  /** @type {Omit<Scene, "scroll">} */
  const scene = {
    ...marks,
    theme,
    units,
    width: box.width,
    height: box.height,
    focused: box.focused,
    dreamable: layer.dreamable,
    pinned: new Set(pinned.filter((pin) => pin.layer === layer.name).map((pin) => pin.unit)),
    mark: at?.layer === layer.id && layer.display !== "bars" ? markOf(at) : null,
    paintMap: (context, index, image, x, y, side) => paint(context, sheets[image], index, x, y, side),
    paintDream: dreams.paint,
    bars: showsBars ? (unit) => loaded.map((sheet) => barOf(sheet.maximum[unit], limitsOf(unit))) : () => [],
    label: (unit) => unitLabel(net, layer, loaded, verdicts, unit),
  };
  return { ...scene, state: `${layer.name} ${sheets.every(Boolean)}` };
}

/** @param {PointerPosition} position */
function markOf({ row, column, height, width }) {
  if (row === undefined || column === undefined || !height || !width) return null;
  return { down: (row + 0.5) / height, across: (column + 0.5) / width };
}

/**
 * Return the map position under the pointer, which the image and all other maps mark.
 * @param {CellPart} cell
 * @param {Geometry} geometry
 * @param {GridProps} props
 * @param {import("../../types.js").FieldGeometry | null} fields
 * @returns {PointerPosition}
 */
function pointerPosition({ index, tile, down, across }, geometry, { layer, units, images, sheets }, fields) {
  const position = { layer: layer.id, unit: units[index] };
  const image = tile - (geometry.dream ? 1 : 0);
  const sheet = tile >= 0 && image >= 0 ? sheets[image] : undefined;
  if (sheet?.display !== "maps") return position;
  const [height, width] = sheet.full;
  const row = Math.min(height - 1, Math.floor(down * height));
  const column = Math.min(width - 1, Math.floor(across * width));
  const field = fields && receptiveField(fields, row, column);
  const center = fields && fieldCenter(fields, row, column);
  return { ...position, image: images[image].id, row, column, height, width, field, center };
}

/** @param {number} value @param {import("../../types.js").Limits} limits @returns {[number, number]} */
function barOf(value, [low, high]) {
  const fraction = (/** @type {number} */ x) =>
    high > low ? Math.min(1, Math.max(0, (x - low) / (high - low))) : 0;
  return [fraction(0), fraction(value)];
}
