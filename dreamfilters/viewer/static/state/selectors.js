// @ts-check
// What views derive from the values of the server: progress, strongest images, the order of units, a unit's dreams.
import { unitName } from "./network_index.js";

/** @typedef {import("../types.js").Dream} Dream */
/** @typedef {import("../types.js").Layer} Layer */
/** @typedef {import("../types.js").MapSheet} MapSheet */
/** @typedef {import("../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../types.js").UnitFacts} UnitFacts */
/** @typedef {import("../types.js").Verdict} Verdict */
/** @typedef {import("../types.js").View} View */

/**
 * The kinds of verdict in the order in which they are listed.
 * @type {import("../types.js").VerdictKind[]}
 */
export const VERDICTS = ["dead", "dormant", "always on", "saturated", "undecided", "alive"];

/**
 * Whether a dream or the scan of the images is queued or running.
 * @param {string | undefined} phase
 */
export const isInProgress = (phase) => phase === "queued" || phase === "running";

/**
 * Return the response of a unit whose response to all images is the same; null for any other unit.
 * @param {UnitFacts | undefined} facts
 */
export function constantResponse(facts) {
  const [strongest, weakest] = [facts?.strongest?.[0], facts?.weakest?.[0]];
  return strongest && strongest.response === weakest?.response ? strongest.response : null;
}

/**
 * Return at most `limit` images with the strongest response; none where all responses are the same.
 * @param {UnitFacts | undefined} facts
 * @param {number} limit
 */
export const strongestImages = (facts, limit) =>
  constantResponse(facts) === null ? (facts?.strongest ?? []).slice(0, limit) : [];

/**
 * Return the units of a layer that match the view's filter, in the view's order.
 * @param {NetworkIndex} net
 * @param {Layer} layer
 * @param {Pick<View, "only" | "sort">} view
 * @param {MapSheet[]} sheets
 * @param {Verdict[] | null} verdicts
 */
export function orderedUnits(net, layer, view, sheets, verdicts) {
  const filter = view.only.trim().toLowerCase();
  /** @param {number} unit */
  const text = (unit) => `${unit} ${unitName(net, layer, unit)} ${verdicts?.[unit]?.kind ?? ""}`.toLowerCase();
  const all = Array.from({ length: layer.units }, (_, unit) => unit);
  const matching = filter ? all.filter((unit) => text(unit).includes(filter)) : all;
  const rank = ranking(view.sort, sheets, verdicts);
  if (!rank) return matching;
  const ranks = new Map(matching.map((unit) => [unit, rank(unit)]));
  return matching.sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
}

/**
 * @param {View["sort"]} sort
 * @param {MapSheet[]} sheets
 * @param {Verdict[] | null} verdicts
 * @returns {((unit: number) => number) | null} null for the order of the layer
 */
function ranking(sort, sheets, verdicts) {
  if (sort === "verdict") return (unit) => VERDICTS.indexOf(verdicts?.[unit]?.kind ?? "alive");
  if (sort === "number" || !sheets.length) return null;
  const values = /** @type {const} */ ({ response: "maximum", mean: "mean", zeros: "zero_fraction" })[sort];
  return (unit) => -Math.max(...sheets.map((sheet) => sheet[values][unit]));
}

/**
 * Return a unit's dreams, the newest first, in their present state, and the one that is shown.
 * @param {Dream[]} stored those of the unit's facts
 * @param {Record<string, Dream>} live those of the event stream
 * @param {{ layer: string, unit: number }} subject
 * @param {string | null} selected
 */
export function dreamsOf(stored, live, { layer, unit }, selected) {
  const byId = new Map(stored.map((dream) => [dream.id, dream]));
  for (const dream of Object.values(live)) {
    if (dream.layer === layer && dream.unit === unit) byId.set(dream.id, dream);
  }
  const dreams = [...byId.values()].sort((a, b) => b.number - a.number);
  const dream =
    dreams.find((each) => each.id === selected) ??
    dreams.find((each) => isInProgress(each.phase)) ??
    dreams.find((each) => each.phase === "done") ??
    dreams[0] ??
    null;
  return { dreams, dream };
}
