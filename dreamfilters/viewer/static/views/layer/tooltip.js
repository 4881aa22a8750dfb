// @ts-check
// The values of the unit under the pointer, in a box beside it.
import { html } from "../../lib/html.js";
import { formatNumber } from "../../lib/number_format.js";
import { valueAt } from "../../state/map_sheets.js";
import { unitName } from "../../state/network_index.js";

/**
 * @param {{ hover: import("./grid.js").Hover, geometry: import("./grid_canvas.js").Geometry,
 *   grid: import("./grid.js").GridProps & { net: import("../../types.js").NetworkIndex } }} props
 */
export function Tooltip({ hover, geometry, grid: { net, layer, images, sheets, units, verdicts } }) {
  const unit = units[hover.index];
  if (unit === undefined) return null; // the filter has removed it since the pointer moved
  const image = hover.tile - (geometry.dream ? 1 : 0);
  const sheet = hover.tile >= 0 && image >= 0 ? sheets[image] : undefined;
  const position = sheet?.display === "maps" ? positionOn(sheet, unit, hover) : null;
  const verdict = verdicts?.[unit]?.kind;
  const style = {
    left: `${Math.min(hover.x + 14, innerWidth - 210)}px`,
    top: `${hover.y > innerHeight - 120 ? hover.y - 84 : hover.y + 18}px`,
  };
  return html`
    <div class="tooltip small" style=${style} aria-hidden="true">
      <b>${unitName(net, layer, unit)}</b>
      ${
        position &&
        html`<span>row ${position.row}, column ${position.column}: ${position.reduced && "up to "}<b>
          ${formatNumber(position.value)}</b></span>`
      }
      ${sheets.map(
        (each, index) =>
          each &&
          html`<span>${images.length > 1 && `${images[index].label ?? images[index].name}: `}
            ${each.display === "maps" && "maximum "}${formatNumber(each.maximum[unit])}${otherTokens(each, unit)}</span>`,
      )}
      ${verdict && verdict !== "alive" && html`<span>${verdict}</span>`}
    </div>`;
}

/** The values of class and register tokens. @param {import("../../types.js").MapSheet} sheet @param {number} unit */
const otherTokens = ({ other_tokens: values }, unit) =>
  values[unit]?.length ? `, other tokens ${values[unit].map((value) => formatNumber(value)).join(", ")}` : "";

/**
 * Return a position of a map and its value. A large map is sent as the maxima of blocks: the value is its block's.
 * @param {import("../../types.js").MapSheet} sheet
 * @param {number} unit
 * @param {{ down: number, across: number }} point
 */
function positionOn(sheet, unit, { down, across }) {
  const index = (/** @type {number} */ fraction, /** @type {number} */ count) =>
    Math.min(count - 1, Math.floor(fraction * count));
  const [height, width] = sheet.full;
  return {
    row: index(down, height),
    column: index(across, width),
    value: valueAt(sheet, unit, index(down, sheet.height), index(across, sheet.width)),
    reduced: height > sheet.height || width > sheet.width,
  };
}
