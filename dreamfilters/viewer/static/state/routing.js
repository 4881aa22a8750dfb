// @ts-check
// The link of a view: everything that is shown is in the fragment of the address.
import { createStore } from "./store.js";

/** @typedef {import("../types.js").View} View */
/** @typedef {import("../types.js").UnitRef} UnitRef */
/** @typedef {Pick<View, "show" | "sort" | "scale" | "colors" | "size" | "fit">} Settings */

/**
 * The values of each setting, the default first.
 * @type {{ [name in keyof Settings]: Settings[name][] }}
 */
export const choices = {
  show: ["both", "map", "dream"],
  sort: ["response", "number", "mean", "zeros", "verdict"],
  scale: ["layer", "unit", "fixed"],
  colors: ["magma", "viridis", "gray", "magma-boosted", "viridis-boosted", "gray-boosted"],
  size: ["m", "s", "l"],
  fit: ["stretch", "crop"],
};
export const MOST_CHANGES = 16; // units, as the server accepts
const MOST_FACTOR = 1000;
const PAGES = /** @type {const} */ (["errors", "embedding", "techniques"]);
const SETTINGS = /** @type {(keyof Settings)[]} */ (Object.keys(choices));

/**
 * Return the view of a fragment.
 * @param {string} hash
 * @returns {View}
 */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [network = "", layer = "", unit = ""] = path.split("/").map(decoded);
  const parameters = new URLSearchParams(query);
  /** @param {keyof Settings} name */
  const setting = (name) => {
    const values = /** @type {string[]} */ (choices[name]);
    const value = parameters.get(name);
    return [name, value !== null && values.includes(value) ? value : values[0]];
  };
  return {
    network,
    layer: layer || null,
    unit: /^\d+$/.test(unit) ? Number(unit) : null,
    images: parameters.getAll("image"),
    compare: parameters.getAll("compare").flatMap(parseUnit),
    changes: parseChanges(parameters.getAll("change")),
    page: PAGES.find((page) => page === parameters.get("page")) ?? null,
    technique: parameters.get("technique") ?? "",
    frozen: parseUnit(parameters.get("frozen") ?? "")[0] ?? null,
    cell: parseCell(parameters.get("cell")),
    only: parameters.get("only") ?? "",
    low: finiteNumber(parameters.get("low"), 0),
    high: finiteNumber(parameters.get("high"), 1),
    .../** @type {Settings} */ (Object.fromEntries(SETTINGS.map(setting))),
  };
}

/**
 * Return the fragment of a view.
 * @param {View} view
 */
export function format(view) {
  const path = [view.network, view.layer, view.layer && view.unit].filter((part) => part !== null && part !== "");
  const query = new URLSearchParams();
  for (const image of view.images) query.append("image", image);
  for (const { layer, unit } of view.compare) query.append("compare", `${layer}:${unit}`);
  for (const { layer, unit, factor } of view.changes) query.append("change", `${layer}:${unit}:${factor}`);
  if (view.page) query.set("page", view.page);
  if (view.page === "techniques" && view.technique) query.set("technique", view.technique);
  if (view.frozen) query.set("frozen", `${view.frozen.layer}:${view.frozen.unit}`);
  if (view.page && view.cell) query.set("cell", view.cell.join(":"));
  for (const name of SETTINGS) if (view[name] !== choices[name][0]) query.set(name, view[name]);
  if (view.only) query.set("only", view.only);
  if (view.scale === "fixed") {
    query.set("low", String(view.low));
    query.set("high", String(view.high));
  }
  const text = query.toString();
  return `#/${path.map((part) => encodeURIComponent(String(part))).join("/")}${text ? `?${text}` : ""}`;
}

export const route = createStore(parse(""));

/** Follow the address, from its present fragment on. */
export function followAddress() {
  const update = () => route.set(parse(location.hash));
  addEventListener("popstate", update);
  addEventListener("hashchange", update);
  update();
}

/**
 * Show another view. A change of settings alone adds no entry to the browser's history.
 * @param {Partial<View>} changes to the present view
 * @param {{ replace?: boolean }} [options]
 */
export function go(changes, { replace = false } = {}) {
  const before = route.get();
  const next = changed(before, changes);
  const moved = /** @type {const} */ (["network", "layer", "unit", "page"]).some((name) => before[name] !== next[name]);
  history[(moved || changes.compare) && !replace ? "pushState" : "replaceState"](null, "", format(next));
  route.set(next);
}

/**
 * Return the link to a view that differs in `changes`.
 * @param {View} view
 * @param {Partial<View>} changes
 */
export const linkTo = (view, changes) => format(changed(view, changes));

/** Another layer or comparison leaves the mistakes and the map of the images. @param {View} view @param {Partial<View>} changes */
const changed = (view, changes) => ({
  ...view,
  ...("layer" in changes || "compare" in changes ? { page: null, cell: null } : {}),
  ...changes,
});

/**
 * Return the attributes of an anchor that changes the view without loading the page; modifier keys still open a tab.
 * @param {View} view
 * @param {Partial<View>} changes
 */
export const anchorTo = (view, changes) => ({
  href: linkTo(view, changes),
  /** @param {MouseEvent} event */
  onClick: (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(changes);
  },
});

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a typed % sign that encodes nothing
  }
}

/** @param {string} text @returns {UnitRef[]} */
function parseUnit(text) {
  const match = /^(.+):(\d+)$/s.exec(text);
  return match ? [{ layer: match[1], unit: Number(match[2]) }] : [];
}

/** Return the changed units, of several changes of a unit the last one. @param {string[]} texts */
function parseChanges(texts) {
  /** @type {Map<string, import("../types.js").UnitChange>} */
  const found = new Map();
  for (const text of texts) {
    const match = /^((.+):(\d{1,9})):(\d{1,4}(?:\.\d{1,9})?)$/s.exec(text);
    if (!match || Number(match[4]) > MOST_FACTOR) continue;
    found.delete(match[1]);
    if (Number(match[4]) !== 1) found.set(match[1], { layer: match[2], unit: Number(match[3]), factor: Number(match[4]) });
  }
  return [...found.values()].slice(0, MOST_CHANGES);
}

/** @param {string | null} text @returns {View["cell"]} */
function parseCell(text) {
  const match = /^(\d+):(-1|\d+)$/.exec(text ?? "");
  return match && [Number(match[1]), Number(match[2])];
}

/** @param {string | null} text @param {number} fallback */
function finiteNumber(text, fallback) {
  const value = Number(text);
  return text === null || text === "" || !Number.isFinite(value) ? fallback : value;
}
