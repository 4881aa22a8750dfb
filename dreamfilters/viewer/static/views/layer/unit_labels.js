// @ts-check
// The label of a unit in the grid, and its description for assistive technology.
import { formatNumber } from "../../lib/number_format.js";
import { unitName } from "../../state/network_index.js";

/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").MapSheet} MapSheet */
/** @typedef {import("../../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../../types.js").Verdict} Verdict */

/**
 * Return the name or number with the verdict, from long to short, and the maximum over the images.
 * @param {NetworkIndex} net
 * @param {Layer} layer
 * @param {MapSheet[]} sheets
 * @param {Verdict[] | null} verdicts
 * @param {number} unit
 * @returns {import("./grid_canvas.js").Label}
 */
export function unitLabel(net, layer, sheets, verdicts, unit) {
  const name = layer.display === "bars" ? unitName(net, layer, unit) : String(unit);
  const short = name === `${layer.name}:${unit}` ? String(unit) : name;
  const verdict = verdicts?.[unit]?.kind;
  const maximum = maximumOf(sheets, unit);
  if (!verdict || verdict === "alive") return { texts: [short], right: maximum === null ? "" : formatNumber(maximum) };
  return {
    texts: [`${short} · ${verdict}`, `${short} ${verdict === "undecided" ? "?" : verdict}`, short],
    right: maximum ? formatNumber(maximum) : "",
    bad: verdict === "dead" || verdict === "saturated",
  };
}

/**
 * Return a unit's name, maximum and verdict as one phrase.
 * @param {NetworkIndex} net
 * @param {Layer} layer
 * @param {MapSheet[]} sheets
 * @param {Verdict[] | null} verdicts
 * @param {number} unit
 */
export function unitDescription(net, layer, sheets, verdicts, unit) {
  const maximum = maximumOf(sheets, unit);
  const parts = [
    unitName(net, layer, unit),
    maximum === null ? "" : `maximum ${formatNumber(maximum)}`,
    verdicts?.[unit]?.kind,
  ];
  return parts.filter(Boolean).join(", ");
}

/** @param {MapSheet[]} sheets @param {number} unit */
const maximumOf = (sheets, unit) => (sheets.length ? Math.max(...sheets.map((sheet) => sheet.maximum[unit])) : null);
