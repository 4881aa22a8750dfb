// Every view has a link: what is shown stands after the # and nowhere else.
import { store } from "./store.js";

const CHOICES = {
  show: ["map", "dream", "both"],
  sort: ["response", "number", "mean", "silence", "verdict"],
  scale: ["layer", "unit", "fixed"],
  colors: ["magma", "viridis", "gray"],
  size: ["m", "s", "l"],
};
const FIRST = Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, values[0]]));

/** What the settings can be, the first one meant where a link says nothing. */
export const choices = CHOICES;

/** Read a view from what stands after the #: names, not ids, so that a link outlives the server. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [network = "", layer = "", unit = ""] = path.split("/").map(decoded);
  const asked = new URLSearchParams(query);
  const settings = Object.fromEntries(
    Object.keys(CHOICES).map((name) => [name, CHOICES[name].includes(asked.get(name)) ? asked.get(name) : FIRST[name]]),
  );
  return {
    network,
    layer: layer || null,
    unit: /^\d+$/.test(unit) ? Number(unit) : null,
    images: asked.getAll("image"),
    compare: asked.getAll("compare").map(unitNamed).filter(Boolean),
    only: asked.get("only") ?? "",
    low: number(asked.get("low"), 0),
    high: number(asked.get("high"), 1),
    ...settings,
  };
}

/** Write a view as a link. */
export function link(view) {
  const path = [view.network, view.layer, view.layer && view.unit].filter((part) => part !== null && part !== "");
  const query = new URLSearchParams();
  for (const image of view.images ?? []) query.append("image", image);
  for (const { layer, unit } of view.compare ?? []) query.append("compare", `${layer}:${unit}`);
  for (const name of Object.keys(CHOICES)) if (view[name] && view[name] !== FIRST[name]) query.set(name, view[name]);
  if (view.only) query.set("only", view.only);
  if (view.scale === "fixed") for (const end of ["low", "high"]) query.set(end, String(view[end]));
  const text = query.toString();
  return `#/${path.map((part) => encodeURIComponent(part)).join("/")}${text ? `?${text}` : ""}`;
}

export const route = store(parse(location.hash));

/** Go to a view that differs from the present one in `changes`; a change of settings makes no step to go back to. */
export function go(changes, { replace = false } = {}) {
  const before = route.get();
  const next = { ...before, ...changes };
  const turned = ["network", "layer", "unit"].some((part) => before[part] !== next[part]) || changes.compare;
  history[turned && !replace ? "pushState" : "replaceState"](null, "", link(next));
  route.set(next);
}

/** The link to a view that differs in `changes`: for anchors. */
export const linkTo = (view, changes) => link({ ...view, ...changes });

addEventListener("popstate", () => route.set(parse(location.hash)));
addEventListener("hashchange", () => route.set(parse(location.hash)));

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone % sign that somebody typed
  }
}

function unitNamed(text) {
  const found = /^(.+):(\d+)$/s.exec(text);
  return found && { layer: found[1], unit: Number(found[2]) };
}

function number(text, otherwise) {
  const value = Number(text);
  return text === null || text === "" || !Number.isFinite(value) ? otherwise : value;
}
