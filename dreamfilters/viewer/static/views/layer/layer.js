// A layer: what it is, how its units are shown, and the grid of them.
import { paths } from "../../state/api.js";
import { dream } from "../../state/actions.js";
import { saveGrid } from "../shared/png_export.js";
import { html, useMemo } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { indexed, unitName } from "../../state/network_index.js";
import { plural, sizes } from "../../lib/number_format.js";
import { refresh, useResource } from "../../state/resources.js";
import { choices, go } from "../../state/routing.js";
import { ends, useSheet, whole } from "../../state/map_sheets.js";
import { app } from "../../state/store.js";
import { underWay } from "../../state/selectors.js";
import { useDreamSheet } from "../dream/dream_sheet.js";
import { Grid } from "./grid.js";
import { parted } from "../network/layer_list.js";
import { ScaleBar } from "../shared/color_scale.js";
import { Choice, Field, Select } from "../shared/controls.js";
import { Empty, Failed, Loading, Progress } from "../shared/states.js";

const SORTS = {
  response: "by response",
  number: "by number",
  mean: "by mean",
  silence: "by silence",
  verdict: "by verdict",
};
const SHOWS = { map: "maps", dream: "dreams", both: "both" };
const SHOWS_BARS = { ...SHOWS, map: "values" };
const SCALES = { layer: "one scale", unit: "own scales", fixed: "fixed scale" };
const SIZES = { s: "small", m: "medium", l: "large" };
const COLORS = Object.fromEntries(choices.colors.map((name) => [name, name]));
const ORDER = ["dead", "dormant", "always on", "saturated", "undecided", "alive"];
const BATCH = 8; // dreams that one press of the button asks for
const MANY = 6; // images side by side, at most

const next = (values, now) => values[(values.indexOf(now) + 1) % values.length];

/** The whole view of one layer. */
export function Layer({ view, layer, images, ready }) {
  const net = indexed(app.use((state) => state.network));
  const evidence = app.use((state) => state.evidence);
  const shown = images.slice(0, MANY);
  const told = useSheets(ready && layer.display !== "none" ? layer : null, shown);
  const verdicts = useResource(ready ? paths.verdicts(layer.id) : null).value?.units ?? null;
  const sheets = told.map((one) => one.value);
  const failed = told.find((one) => one.phase === "failed");
  const known = sheets.filter(Boolean);
  const units = useMemo(
    () => ordered(net, layer, view, known, verdicts),
    [layer, view.sort, view.only, verdicts, ...sheets],
  );
  const endsOf = useMemo(
    () => (known.length ? (unit) => ends(view, known, unit) : () => [0, 1]),
    [view.scale, view.low, view.high, ...sheets],
  );
  useLayerKeys(view);
  if (layer.display === "none") {
    return html`<${Head} layer=${layer} /><${Empty} title="Nothing to show here">
      ${layer.reason ?? "This layer has no units that could be drawn."}<//>`;
  }
  const bars = layer.display === "bars";
  return html`
    <${Head} layer=${layer} net=${net} verdicts=${verdicts} evidence=${evidence} />
    <${Toolbar} view=${view} layer=${layer} found=${units.length} verdicts=${verdicts}
      save=${() => saveGrid({ view, layer, images: shown, sheets, units, endsOf })} />
    ${!bars && view.show !== "dream" && html`<${Legend} view=${view} known=${known} failed=${failed} />`}
    ${view.show !== "map" && layer.dreamable && html`<${Undreamt} layer=${layer} units=${units} view=${view} />`}
    ${
      failed
        ? html`<${Failed} error=${failed.error}
            again=${() => refresh((address) => address.startsWith(`api/maps/${layer.id}/`))} />`
        : !images.length && view.show !== "dream"
          ? html`<${Empty} title="No image">Drop an image here, paste one or choose one above:
              its maps appear at once.<//>`
          : !units.length
            ? html`<${Empty} title="No unit fits">Nothing in ${layer.name} is called “${view.only}”. <button
                onClick=${() => go({ only: "" })}>Show all</button><//>`
            : html`<${Grid} view=${view} layer=${layer} images=${shown} sheets=${sheets} units=${units}
                verdicts=${verdicts} endsOf=${endsOf} />`
    }`;
}

// As many hooks at every drawing, whatever is chosen.
function useSheets(layer, images) {
  const all = Array.from({ length: MANY }, (_, at) => useSheet(images[at] ? layer?.id : null, images[at]));
  return all.slice(0, images.length);
}

function useLayerKeys(view) {
  useKeys({
    v: () => go({ show: next(choices.show, view.show) }),
    s: () => go({ scale: view.scale === "layer" ? "unit" : "layer" }),
    o: () => go({ sort: next(choices.sort, view.sort) }),
    m: () => go({ colors: next(choices.colors, view.colors) }),
    "+": () => go({ size: view.size === "s" ? "m" : "l" }),
    "=": () => go({ size: view.size === "s" ? "m" : "l" }),
    "-": () => go({ size: view.size === "l" ? "m" : "s" }),
  });
}

/** The units of a layer that fit the search, in the order of the view. */
export function ordered(net, layer, view, sheets, verdicts) {
  const only = view.only.trim().toLowerCase();
  const words = (unit) => `${unit} ${unitName(net, layer, unit)} ${verdicts?.[unit]?.kind ?? ""}`.toLowerCase();
  const all = Array.from({ length: layer.units }, (_, unit) => unit);
  const kept = only ? all.filter((unit) => words(unit).includes(only)) : all;
  const best = (name, unit) => Math.max(...sheets.map((sheet) => sheet[name][unit]));
  const rank = {
    response: (unit) => -best("maximum", unit),
    mean: (unit) => -best("mean", unit),
    silence: (unit) => -best("zero_fraction", unit),
    verdict: (unit) => ORDER.indexOf(verdicts?.[unit]?.kind ?? "alive"),
  }[view.sort];
  if (!rank || (view.sort !== "verdict" && !sheets.length)) return kept;
  const ranks = new Map(kept.map((unit) => [unit, rank(unit)]));
  return kept.sort((a, b) => ranks.get(a) - ranks.get(b) || a - b);
}

function Head({ layer, net, verdicts, evidence }) {
  const counts = new Map();
  for (const one of verdicts ?? []) if (one.kind) counts.set(one.kind, (counts.get(one.kind) ?? 0) + 1);
  const field = layer.receptive_field?.size ? `, each place sees ${sizes(layer.receptive_field.size)} pixels` : "";
  const shape =
    layer.display === "maps" && Array.isArray(layer.shape) ? `, maps of ${sizes(layer.shape.slice(0, 2))}` : "";
  return html`
    <header class="head">
      <div>
        <h1>${parted(layer.name)}</h1>
        <p class="small soft">${layer.type}, ${plural(layer.units, "unit")}${shape}${field}
          ${layer.activation ? `, ${layer.activation}` : ""}</p>
      </div>
      ${
        net &&
        html`<div class="counts small">
        ${ORDER.filter((name) => counts.has(name)).map(
          (name) => html`
          <button class=${`tag ${name.replace(" ", "-")}`} onClick=${() => go({ only: name })}
              title=${`Show the units that are ${name}`}><b>${counts.get(name)}</b> ${name}</button>`,
        )}
        ${underWay(evidence.phase) && html`<${Progress} done=${evidence.done}
            total=${evidence.total}>evidence: ${evidence.done} of ${evidence.total} images<//>`}
      </div>`
      }
    </header>`;
}

function Toolbar({ view, layer, found, verdicts, save }) {
  const bars = layer.display === "bars";
  const sorts = Object.fromEntries(
    Object.entries(SORTS).filter(
      ([name]) => (name !== "verdict" || verdicts) && (!bars || ["number", "response", "verdict"].includes(name)),
    ),
  );
  return html`
    <div class="toolbar" role="group" aria-label="How the units are shown">
      ${layer.dreamable && html`<${Choice} label="Show" options=${bars ? SHOWS_BARS : SHOWS} value=${view.show}
          onChange=${(show) => go({ show })} />`}
      <${Select} label="Order" options=${sorts} value=${view.sort} onChange=${(sort) => go({ sort })} />
      <${Select} label="Scale" options=${SCALES} value=${view.scale} onChange=${(scale) => go({ scale })} />
      ${
        view.scale === "fixed" &&
        html`
        <${Field} label="from"><input type="number" step="any" class="end" value=${view.low}
            onChange=${(event) => go({ low: event.target.valueAsNumber || 0 })} /><//>
        <${Field} label="to"><input type="number" step="any" class="end" value=${view.high}
            onChange=${(event) => go({ high: event.target.valueAsNumber || 0 })} /><//>`
      }
      ${!bars && html`<${Select} label="Colors" options=${COLORS} value=${view.colors}
          onChange=${(colors) => go({ colors })} />`}
      <${Select} label="Size" options=${SIZES} value=${view.size} onChange=${(size) => go({ size })} />
      <input type="search" class="only" placeholder="only …" aria-label="Only units with this number, name or verdict"
          value=${view.only}
        onInput=${(event) => go({ only: event.target.value })}
        onKeyDown=${(event) => event.key === "Escape" && (go({ only: "" }), event.target.blur())} />
      <span class="small soft found">${found === layer.units ? null : `${found} of ${layer.units}`}</span>
      <button class="quiet" onClick=${save} title="Save all units as one PNG">PNG</button>
    </div>`;
}

function Legend({ view, known, failed }) {
  if (failed) return null;
  if (!known.length) return html`<${Loading} what="Computing the maps" />`;
  const words = {
    layer: "one scale for all maps of the layer",
    unit: "each unit on its own scale: brightness cannot be compared between units",
    fixed: "a fixed scale; what lies beyond has the end's color",
  }[view.scale];
  if (view.scale === "unit") {
    return html`<${ScaleBar} ends=${[0, 0]} greatest="its greatest" colors=${view.colors}>${words}<//>`;
  }
  return html`<${ScaleBar} ends=${view.scale === "fixed" ? [view.low, view.high] : whole(known)}
      colors=${view.colors}>${words}<//>`;
}

function Undreamt({ layer, units, view }) {
  const sheet = useDreamSheet(layer);
  const dreams = app.use((state) => state.dreams);
  const busy = Object.values(dreams).filter(
    (one) => one.layer === layer.id && underWay(one.phase),
  );
  if (!sheet.known) return null;
  const done = new Set([...sheet.units, ...busy.map((one) => one.unit)]);
  const waiting = units.filter((unit) => !done.has(unit));
  if (!waiting.length) return null;
  const some = waiting.slice(0, BATCH);
  const ask = async () => {
    for (const unit of some) if (!(await dream(layer.id, unit))) return;
  };
  return html`
    <p class="small soft line">
      ${sheet.units.length ? `${sheet.units.length} of ${units.length} are dreamt.` : "No dreams of this layer yet."}
      ${busy.length ? ` ${busy.length} on the way.` : ""} <button
          onClick=${ask}>Dream ${some.length === 1 ? "the last one" : `the next ${some.length}`}</button></p>`;
}
