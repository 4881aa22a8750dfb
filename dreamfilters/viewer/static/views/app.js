// @ts-check
// The page: header and images; the layers at the left, the view in the middle, the image or the dream at the right.
import { html, names, useEffect, useState } from "../lib/html.js";
import { useKeys } from "../lib/keys.js";
import { toggleTheme } from "../lib/theme_colors.js";
import { comparePinned, copyText, showImage } from "../state/actions.js";
import { undoChanges } from "../state/changes.js";
import { fittedImages, indexNetwork, selectImages } from "../state/network_index.js";
import { go, route } from "../state/routing.js";
import { app } from "../state/store.js";
import { Embedding } from "./embedding/embedding.js";
import { Errors } from "./errors/errors.js";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { ShownImages } from "./images/shown_images.js";
import { Tray, useImageDrop } from "./images/tray.js";
import { Layer } from "./layer/layer.js";
import { Overview } from "./network/overview.js";
import { LayerList } from "./network/layer_list.js";
import { ChangeNotice } from "./shared/change_notice.js";
import { Empty, Failed, Loading } from "./shared/states.js";
import { Techniques } from "./techniques/techniques.js";
import { TrustBar } from "./trust/trust_bar.js";
import { Compare } from "./unit/compare.js";
import { FrozenUnit, showsFrozen } from "./unit/frozen_unit.js";
import { Unit, UnitAside } from "./unit/unit.js";

/** @typedef {import("../types.js").AppState} AppState */
/** @typedef {import("../types.js").Layer} LayerInfo */
/** @typedef {import("../types.js").Network} Network */
/** @typedef {import("../types.js").View} View */
/**
 * @typedef {Omit<import("../types.js").ViewProps, "layer"> & { layer: LayerInfo | null, state: AppState }} PageProps
 */

const NETWORK_VIEW = { layer: null, unit: null, compare: [] };
const PAGE_NAMES = /** @type {const} */ ({ errors: "Mistakes", embedding: "Map", techniques: "Techniques" });

/** The whole page. */
export function App() {
  const state = app.use((values) => values);
  const view = route.use((values) => values);
  const net = indexNetwork(state.network);
  const images = fittedImages(selectImages(state.images, view.images), view.fit, state.network?.form);
  const layer = view.layer === null ? null : (net.byName.get(view.layer) ?? net.byId.get(view.layer) ?? null);
  const [help, setHelp] = useState(false);
  const [pane, setPane] = useState("main"); // a narrow screen shows one of three
  const dropping = useImageDrop();
  useEffect(() => setPane("main"), [view.layer, view.unit]);
  useEffect(() => {
    document.title = pageTitle(view, state.network);
  }, [view, state.network]);
  useEffect(() => {
    if (state.network && !view.network) go({ network: state.network.name }, { replace: true });
  }, [state.network, view.network]);
  /** @type {PageProps} */
  const page = { view, net, layer, images, state, ready: state.phase === "ready" && Boolean(state.network) };
  useGlobalKeys(page, () => setHelp(true));
  const panes = { side: "Layers", main: mainPaneName(view), right: view.unit === null || view.page ? "Image" : "Dream" };
  return html`
    <${Header} view=${view} net=${net} state=${state} showHelp=${() => setHelp(true)} />
    <${TrustBar} state=${state} />
    <${Notices} state=${state} view=${view} />
    <${ChangeNotice} view=${view} />
    <${Tray} shown=${images} />
    <div class=${names("panes", view.changes.length > 0 && "changed")} data-pane=${pane}>
      <nav class="pane side" aria-label="Layers"><${LayerList} view=${view} net=${net} current=${layer} /></nav>
      <main class="pane middle" id="main"><${Middle} ...${page} /></main>
      <aside class="pane right" aria-label="The image"><${Aside} ...${page} /></aside>
    </div>
    <div class="pane-switch" role="group" aria-label="Pane">
      ${Object.entries(panes).map(
        ([name, text]) => html`<button aria-pressed=${pane === name} onClick=${() => setPane(name)}>${text}</button>`,
      )}
    </div>
    ${help && html`<${Help} close=${() => setHelp(false)} />`}
    ${dropping && html`<div class="drop-hint" aria-hidden="true">Drop the image to see its activation maps</div>`}
    <div class=${names("message", state.message?.bad && "bad", state.message && "on")} role="status">
      ${state.message?.text ?? ""}</div>`;
}

/** @param {View} view */
function mainPaneName(view) {
  if (view.page) return PAGE_NAMES[view.page];
  if (view.compare.length) return "Compare";
  if (view.layer === null) return "Network";
  return view.unit === null ? "Units" : "Unit";
}

/** @param {PageProps} props */
function Middle(props) {
  const { view, net, layer, images, ready, state } = props;
  if (state.phase === "failed") {
    return html`<${Failed} error=${{ message: state.note || "The network could not be opened." }} />`;
  }
  if (!state.network) return html`<${Loading} what=${state.note || "Opening the network"} />`;
  if (view.page === "errors") return html`<${Errors} view=${view} net=${net} ready=${ready} />`;
  if (view.page === "embedding") return html`<${Embedding} images=${images} ready=${ready} />`;
  if (view.page === "techniques") return html`<${Techniques} view=${view} net=${net} images=${images} ready=${ready} />`;
  if (view.compare.length) return html`<${Compare} view=${view} net=${net} images=${images} ready=${ready} />`;
  if (!layer && view.layer !== null) {
    return html`<${Empty} title=${`No layer named ${view.layer}`}>
      ${state.network.name} has ${net.layers.length} layers. Choose one from the list, or search (/).<//>`;
  }
  if (!layer) return html`<${Overview} ...${props} network=${state.network} />`;
  if (view.unit !== null && layer.display !== "none") {
    return html`<${Unit} key=${`${layer.id}:${view.unit}`} ...${props} unit=${view.unit} />`;
  }
  return html`<${Layer} key=${layer.id} view=${view} layer=${layer} images=${images} ready=${ready} />`;
}

/** @param {PageProps} props */
function Aside(props) {
  const { view, net, images, ready } = props;
  return html`
    ${showsFrozen(view) && html`<${FrozenUnit} view=${view} net=${net} images=${images} ready=${ready} />`}
    <${Subject} ...${props} />`;
}

/** The dreams of the unit that is open, else the images. @param {PageProps} props */
function Subject(props) {
  const { view, net, layer, images, ready } = props;
  const showsUnit = layer && layer.display !== "none" && !view.compare.length && !view.page;
  if (showsUnit && view.unit !== null && view.unit < layer.units) {
    return html`<${UnitAside} key=${`${layer.id}:${view.unit}`} net=${net} layer=${layer} ready=${ready}
        unit=${view.unit} />`;
  }
  return images.length
    ? html`<${ShownImages} ...${props} />`
    : html`<${Empty} title="No image">Drop one anywhere on the page.<//>`;
}

/** @param {{ state: AppState, view: View }} props */
function Notices({ state, view }) {
  const { network, note } = state;
  return html`
    <div class="notices" role="status">
      ${
        state.connection === "lost" &&
        html`<p class="notice bad">The server does not respond.
          The page shows the last known values and continues when the server is back.</p>`
      }
      ${
        state.phase === "restarting" &&
        html`<p class="notice">The model worker is restarting${note ? `: ${note}` : ""}.
          The page shows the last known values; new maps follow.</p>`
      }
      ${
        network &&
        view.network &&
        view.network !== network.name &&
        html`<p class="notice">This link is for ${view.network}; the server shows ${network.name}. <button
              onClick=${() => go({ network: network.name })}>Continue with ${network.name}</button></p>`
      }
    </div>`;
}

/** @param {View} view @param {Network | null} network */
function pageTitle(view, network) {
  const unit = [view.layer, view.unit].filter((part) => part !== null).join(":");
  const subject = view.page ?? (view.compare.length ? "compare" : unit);
  const changed = view.changes.length > 0 && "changed network";
  return [changed, subject, network?.name, "dreamfilters"].filter(Boolean).join(" · ");
}

/** @param {PageProps} page @param {() => void} showHelp */
function useGlobalKeys({ view, net, layer, images }, showHelp) {
  const moveLayer = (/** @type {number} */ step) => {
    const next = neighbor(net.layers, layer ? net.layers.indexOf(layer) : -1, step);
    if (next) go({ layer: next.name, unit: null, compare: [], only: "" });
  };
  const moveImage = (/** @type {number} */ step) => {
    const all = app.get().images;
    const index = all.findIndex((image) => image.id === images[0]?.id);
    const next = neighbor(all, index, step);
    if (next) showImage(next);
  };
  useKeys({
    "?": showHelp,
    "/": () => document.getElementById("search")?.focus(),
    "[": () => moveLayer(-1),
    "]": () => moveLayer(1),
    ",": () => moveImage(-1),
    ".": () => moveImage(1),
    n: () => go(NETWORK_VIEW),
    e: () => go({ ...NETWORK_VIEW, page: "errors" }),
    i: () => go({ ...NETWORK_VIEW, page: "embedding" }),
    w: () => go({ page: "techniques", compare: [], cell: null }),
    r: () => go({ frozen: null }),
    "0": () => go({ fit: view.fit === "crop" ? "stretch" : "crop" }),
    c: comparePinned,
    t: toggleTheme,
    y: () => copyText(location.href, "the link"),
    u: undoChanges,
    Escape: () => {
      if (view.page) go(view.cell ? { cell: null } : { page: null });
      else if (view.compare.length) go({ compare: [] });
      else if (view.only) go({ only: "" });
      else if (view.unit !== null) go({ unit: null });
      else if (view.layer !== null) go({ layer: null });
    },
  });
}

/**
 * Return the element `step` after an index, the first or the last one where there is none.
 * @template T
 * @param {T[]} all
 * @param {number} index
 * @param {number} step
 */
const neighbor = (all, index, step) => /** @type {T | undefined} */ (
  all[Math.min(Math.max(index + step, 0), all.length - 1)]
);
