// The value under the pointer, in a small box beside it.
import { html } from "../../lib/html.js";
import { unitName } from "../../state/network_index.js";
import { figures } from "../../lib/number_format.js";
import { valueAt } from "../../state/map_sheets.js";

/** `hover`: what is under the pointer, and where the pointer is; `shown`: what the grid shows. */
export function Reading({ hover, geo, shown: { net, layer, images, sheets, units, verdicts } }) {
  const unit = units[hover.at];
  if (unit === undefined) return null; // fewer are shown since the pointer came
  const number = hover.tile - (geo.dream ? 1 : 0);
  const sheet = sheets[number];
  const place = hover.tile >= 0 && number >= 0 && sheet?.display === "maps" ? placeOn(sheet, unit, hover) : null;
  const verdict = verdicts?.[unit]?.kind;
  const style = {
    left: `${Math.min(hover.x + 14, innerWidth - 210)}px`,
    top: `${hover.y > innerHeight - 120 ? hover.y - 84 : hover.y + 18}px`,
  };
  return html`
    <div class="reading small" style=${style} aria-hidden="true">
      <b>${unitName(net, layer, unit)}</b>
      ${place && html`
        <span>row ${place.row}, column ${place.column}: ${place.reduced && "up to "}<b>${figures(place.value)}</b>
          </span>`}
      ${sheets.map((one, at) => one && html`
        <span>${images.length > 1 && `${images[at].label ?? images[at].name}: `}${one.display === "maps" && "at most "}
          ${figures(one.maximum[unit])}</span>`)}
      ${verdict && verdict !== "alive" && html`<span>${verdict}</span>`}
    </div>`;
}

// A large map is sent as the greatest values of its blocks: the place is the map's own, the value its block's.
function placeOn(sheet, unit, { down, across }) {
  const at = (share, count) => Math.min(count - 1, Math.floor(share * count));
  const [height, width] = sheet.full;
  const value = valueAt(sheet, unit, at(down, sheet.height), at(across, sheet.width));
  return {
    row: at(down, height),
    column: at(across, width),
    value,
    reduced: height > sheet.height || width > sheet.width,
  };
}
