// The page: header, images, the network on the left, the view in the middle, the image and its classes on the right.
import { compare, copy, look, turnTheme } from "../state/actions.js";
import { html, names, useEffect, useState } from "../lib/html.js";
import { useKeys } from "../lib/keys.js";
import { chosen, indexed } from "../state/network_index.js";
import { count, sizes } from "../lib/number_format.js";
import { placeAt, usePlacing, fieldOf, centerOf } from "../state/receptive_fields.js";
import { go, route } from "../state/routing.js";
import { useSheet } from "../state/map_sheets.js";
import { app } from "../state/store.js";
import { paths } from "../state/api.js";
import { Compare } from "./unit/compare.js";
import { Graph } from "./network/graph.js";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { Layer } from "./layer/layer.js";
import { Layers } from "./network/layer_list.js";
import { Marked, Predictions } from "./images/marked_image.js";
import { Empty, Failed, Loading } from "./shared/states.js";
import { Tray, useDropping } from "./images/tray.js";
import { Unit, UnitAside } from "./unit/unit.js";

/** Everything. */
export function App() {
  const state = app.use((values) => values);
  const view = route.use((values) => values);
  const net = indexed(state.network);
  const images = chosen(state.images, view.images);
  const layer = view.layer === null ? null : (net.byName.get(view.layer) ?? net.byId.get(view.layer) ?? null);
  const ready = state.phase === "ready" && Boolean(state.network);
  const [help, setHelp] = useState(false);
  const [pane, setPane] = useState("main"); // on a narrow screen one of three is seen
  const over = useDropping();
  useEffect(() => setPane("main"), [view.layer, view.unit]);
  useEffect(() => {
    document.title = titled(view, state.network);
  }, [view, state.network]);
  useEffect(() => {
    if (state.network && !view.network) go({ network: state.network.name }, { replace: true });
  }, [state.network, view.network]);
  useGlobalKeys({ view, net, layer, images, setHelp });
  return html`
    <${Header} view=${view} net=${net} state=${state} help=${() => setHelp(true)} />
    <${Notices} state=${state} view=${view} />
    <${Tray} shown=${images} />
    <div class="panes" data-pane=${pane}>
      <nav class="pane side" aria-label="Layers"><${Layers} view=${view} net=${net} chosen=${layer} /></nav>
      <main class="pane middle" id="main"><${Middle} view=${view} net=${net} layer=${layer} images=${images}
          ready=${ready} state=${state} /></main>
      <aside class="pane right" aria-label="The image">
        <${Aside} view=${view} net=${net} layer=${layer} images=${images} ready=${ready} state=${state} />
      </aside>
    </div>
    <div class="switch" role="group" aria-label="What is shown">
      ${[
        ["side", "Layers"],
        ["main", mainName(view)],
        ["right", view.unit === null ? "Image" : "Dream"],
      ].map(
        ([name, text]) => html`
        <button aria-pressed=${pane === name} onClick=${() => setPane(name)}>${text}</button>`,
      )}
    </div>
    ${help && html`<${Help} close=${() => setHelp(false)} />`}
    ${over && html`<div class="drop" aria-hidden="true">Drop it: its maps appear at once</div>`}
    <div class=${names("message", state.message?.bad && "bad", state.message && "on")} role="status">
      ${state.message?.text ?? ""}</div>`;
}

const mainName = (view) =>
  view.compare.length ? "Compare" : view.layer === null ? "Network" : view.unit === null ? "Units" : "Unit";

function Middle({ view, net, layer, images, ready, state }) {
  if (state.phase === "failed") {
    return html`<${Failed} error=${{ message: state.note || "The network could not be opened." }} />`;
  }
  if (!state.network) return html`<${Loading} what=${state.note || "Opening the network"} />`;
  if (view.compare.length) return html`<${Compare} view=${view} net=${net} images=${images} ready=${ready} />`;
  if (view.layer !== null && !layer) {
    return html`<${Empty} title=${`No layer is called ${view.layer}`}>
      ${state.network.name} has ${net.layers.length} layers; choose one in their list, or search for one (/).<//>`;
  }
  if (!layer)
    return html`<${Overview} view=${view} net=${net} network=${state.network} image=${images[0]} ready=${ready} />`;
  if (view.unit !== null && layer.display !== "none") {
    return html`<${Unit} key=${`${layer.id}:${view.unit}`} view=${view} net=${net} layer=${layer} unit=${view.unit}
        images=${images} ready=${ready} />`;
  }
  return html`<${Layer} key=${layer.id} view=${view} layer=${layer} images=${images} ready=${ready} />`;
}

function Overview({ view, net, network, image, ready }) {
  const { form } = network;
  return html`
    <header class="head"><div>
      <h1>${network.name}</h1>
      <p class="small soft">
        ${count(network.layers.length)} layers, ${count(network.parameters)} parameters,
        images of ${sizes([form.height, form.width, form.channels])}${form.text ? ` (${form.text})` : ""}.
        Under each layer the maps of the units that answer most.</p>
    </div></header>
    <${Graph} view=${view} net=${net} network=${network} image=${image} ready=${ready} />`;
}

function Aside(props) {
  const { view, layer, images } = props;
  const onUnit =
    layer && layer.display !== "none" && view.unit !== null && view.unit < layer.units && !view.compare.length;
  if (onUnit) return html`<${UnitAside} key=${`${layer.id}:${view.unit}`} ...${props} unit=${view.unit} />`;
  return images.length
    ? html`<${Images} ...${props} />`
    : html`<${Empty} title="No image">Drop one anywhere on the page.<//>`;
}

function Images({ view, net, layer, images, ready, state }) {
  const image = images[0];
  const form = state.network?.form;
  const sheet = useSheet(ready && layer?.display === "maps" ? layer.id : null, image).value;
  const placed = usePlacing(layer, form, sheet?.full);
  const placing =
    placed &&
    sheet &&
    ((down, across, shown) => {
      const [row, column] = placeAt(placed, down, across);
      const [height, width] = sheet.full;
      return {
        layer: layer.id,
        image: shown.id,
        row,
        column,
        height,
        width,
        field: fieldOf(placed, row, column),
        center: centerOf(placed, row, column),
      };
    });
  return html`
    ${images.slice(0, 3).map(
      (one) => html`
      <section key=${one.id}>
        <${Marked} image=${one} src=${paths.image(one, ready ? "input" : "image")} alt=${one.name} layer=${layer}
            placing=${placing} form=${form} />
        <p class="named"><b>${one.label ?? one.name}</b>${one.label && html`<span class="small soft">${one.name}
          </span>`}</p>
        <${Predictions} view=${view} net=${net} image=${one} ready=${ready} />
      </section>`,
    )}`;
}

function Notices({ state, view }) {
  const elsewhere = state.network && view.network && view.network !== state.network.name;
  return html`
    <div class="notices" role="status">
      ${state.connection === "lost" && html`<p
          class="notice bad">The server does not answer.
          This page shows what it knows, and goes on when the server is back.</p>`}
      ${state.phase === "restarting" && html`<p
          class="notice">The worker is started again${state.note ? `: ${state.note}` : ""}.
          What is shown stays; new maps follow.</p>`}
      ${elsewhere && html`<p
          class="notice">This link is about ${view.network}; the server shows ${state.network.name}. <button
              onClick=${() => go({ network: state.network.name })}>Go on with ${state.network.name}</button></p>`}
    </div>`;
}

function titled(view, network) {
  const place = view.compare.length ? "compare" : [view.layer, view.unit].filter((part) => part !== null).join(":");
  return [place, network?.name, "dreamfilters"].filter(Boolean).join(" · ");
}

function useGlobalKeys({ view, net, layer, images, setHelp }) {
  const turn = (by) => {
    const at = layer ? net.layers.indexOf(layer) : -1;
    const next = net.layers[Math.min(Math.max(at + by, 0), net.layers.length - 1)];
    if (next) go({ layer: next.name, unit: null, compare: [], only: "" });
  };
  const turnImage = (by) => {
    const all = app.get().images;
    const at = all.findIndex((image) => image.id === images[0]?.id);
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    if (next) look(next);
  };
  useKeys({
    "?": () => setHelp(true),
    "/": () => document.getElementById("search").focus(),
    "[": () => turn(-1),
    "]": () => turn(1),
    ",": () => turnImage(-1),
    ".": () => turnImage(1),
    n: () => go({ layer: null, unit: null, compare: [] }),
    c: compare,
    t: turnTheme,
    y: () => copy(location.href, "the link"),
    Escape: () => {
      if (view.compare.length) go({ compare: [] });
      else if (view.only) go({ only: "" });
      else if (view.unit !== null) go({ unit: null });
      else if (view.layer !== null) go({ layer: null });
    },
  });
}
