// @ts-check
// A layer: its facts, the display settings, and the grid of its units.
import { html, useMemo } from "../../lib/html.js";
import { formatShape, plural } from "../../lib/number_format.js";
import { paths } from "../../state/api.js";
import { startDream } from "../../state/actions.js";
import { layerLimits, scaleLimits, useMapSheet } from "../../state/map_sheets.js";
import { indexNetwork } from "../../state/network_index.js";
import { refresh, useResource } from "../../state/resources.js";
import { go } from "../../state/routing.js";
import { VERDICTS, isInProgress, orderedUnits } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { useBackgroundDreams } from "../dream/background_dreams.js";
import { useDreamSheet } from "../dream/dream_sheet.js";
import { breakable } from "../network/layer_list.js";
import { ColorScale } from "../shared/color_scale.js";
import { ChangeTag } from "../shared/change_notice.js";
import { saveGrid } from "../shared/png_export.js";
import { Empty, Failed, Loading, Progress } from "../shared/states.js";
import { LayerTechniques } from "../techniques/layer_techniques.js";
import { Grid } from "./grid.js";
import { TILE_SIDES } from "./grid_canvas.js";
import { Toolbar } from "./toolbar.js";

/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").Layer} LayerInfo */
/** @typedef {import("../../types.js").MapSheet} MapSheet */
/** @typedef {import("../../types.js").Verdict} Verdict */
/** @typedef {import("../../types.js").View} View */
/** @typedef {import("../../types.js").ViewProps} ViewProps */

const DREAMS_A_PRESS = 8;
const MOST_IMAGES = 6; // side by side
const MOST_DREAMED = 24; // units that are dreamed in the background: the first screen
const UNIT_LIMITS = /** @type {import("../../types.js").Limits} */ ([0, 1]); // while no map is loaded

/** @param {Pick<ViewProps, "view" | "layer" | "images" | "ready">} props */
export function Layer(props) {
  const { layer } = props;
  if (layer.display !== "none") return html`<${LayerWithUnits} ...${props} />`;
  return html`<${Header} view=${props.view} layer=${layer} verdicts=${null} /><${Empty} title="Nothing to show">
    ${layer.reason ?? "This layer has no units that can be drawn."}<//>`;
}

/** @param {Pick<ViewProps, "view" | "layer" | "images" | "ready">} props */
function LayerWithUnits({ view, layer, images, ready }) {
  const net = indexNetwork(app.use((state) => state.network));
  const shown = images.slice(0, MOST_IMAGES);
  const resources = useSheets(ready ? layer.id : null, shown);
  /** @type {Verdict[] | null} */
  const verdicts = useResource(ready ? paths.verdicts(layer.id) : null).value?.units ?? null;
  const sheets = resources.map((resource) => resource.value);
  const loaded = sheets.flatMap((sheet) => sheet ?? []);
  const failed = resources.find((resource) => resource.phase === "failed");
  const units = useMemo(
    () => orderedUnits(net, layer, view, loaded, verdicts),
    [layer, view.sort, view.only, verdicts, ...sheets],
  );
  const limitsOf = useMemo(
    () => (/** @type {number} */ unit) => loaded.length ? scaleLimits(view, loaded, unit) : UNIT_LIMITS,
    [view.scale, view.low, view.high, ...sheets],
  );
  useBackgroundDreams(view.show === "map" ? null : layer, units.slice(0, MOST_DREAMED));
  const grid = { view, layer, images: shown, sheets, units, limitsOf };
  return html`
    <${Header} view=${view} layer=${layer} verdicts=${verdicts} />
    <${ChangeTag} view=${view} />
    <${Toolbar} view=${view} layer=${layer} matches=${units.length} hasVerdicts=${Boolean(verdicts)}
      save=${() => saveGrid({ ...grid, side: TILE_SIDES[view.size] })} />
    ${layer.display === "maps" && view.show !== "dream" && !failed && html`<${Legend} view=${view} sheets=${loaded} />`}
    ${view.show !== "map" && layer.dreamable && html`<${MissingDreams} layer=${layer} units=${units} />`}
    ${
      failed
        ? html`<${Failed} error=${failed.error}
            retry=${() => refresh((address) => address.startsWith(`api/maps/${layer.id}/`))} />`
        : !images.length && view.show !== "dream"
          ? html`<${Empty} title="No image">Drop an image here, paste one, or choose one above.<//>`
          : !units.length
            ? html`<${Empty} title="No matching unit">No unit of ${layer.name} matches “${view.only}”. <button
                onClick=${() => go({ only: "" })}>Show all</button><//>`
            : html`<${Grid} ...${grid} verdicts=${verdicts} />`
    }`;
}

// The same number of hooks in every render, however many images there are.
/** @param {string | null} layer @param {ImageInfo[]} images */
function useSheets(layer, images) {
  const slots = Array.from({ length: MOST_IMAGES }, (_, index) => images[index]);
  return slots.map((image) => useMapSheet(image ? layer : null, image)).slice(0, images.length);
}

/** @param {{ view: View, layer: LayerInfo, verdicts: Verdict[] | null }} props */
function Header({ view, layer, verdicts }) {
  const evidence = app.use((state) => state.evidence);
  const facts = [
    layer.type,
    plural(layer.units, "unit"),
    layer.grid && `tokens on a grid of ${formatShape([layer.grid.rows, layer.grid.columns])}`,
    layer.kind === "map" && Array.isArray(layer.shape) && `maps of ${formatShape(layer.shape.slice(0, 2))}`,
    layer.receptive_field?.size && `receptive field of ${formatShape(layer.receptive_field.size)} pixels`,
    layer.activation,
  ];
  const countOf = (/** @type {string} */ kind) => (verdicts ?? []).filter((each) => each.kind === kind).length;
  return html`
    <header class="head">
      <div>
        <h1>${breakable(layer.name)}</h1>
        <p class="small soft">${facts.filter(Boolean).join(", ")}</p>
      </div>
      <div class="layer-side small">
        <p class="actions"><${LayerTechniques} view=${view} layer=${layer} /></p>
        <div class="verdict-counts">
          ${VERDICTS.filter(countOf).map(
            (kind) => html`
            <button class=${`tag ${kind.replace(" ", "-")}`} onClick=${() => go({ only: kind })}
                title=${`Show the ${kind} units`}><b>${countOf(kind)}</b> ${kind}</button>`,
          )}
          ${
            layer.display !== "none" &&
            isInProgress(evidence.phase) &&
            html`<${Progress} done=${evidence.done}
              total=${evidence.total}>${evidence.done} of ${evidence.total} images scanned<//>`
          }
        </div>
      </div>
    </header>`;
}

/** @param {{ view: View, sheets: MapSheet[] }} props */
function Legend({ view, sheets }) {
  if (!sheets.length) return html`<${Loading} what="Computing the maps" />`;
  if (view.scale === "unit") {
    return html`<${ColorScale} limits=${[0, 0]} highest="maximum of the unit" colors=${view.colors}>
      one scale for each unit; colors are not comparable between units<//>`;
  }
  if (view.scale === "fixed") {
    return html`<${ColorScale} limits=${[view.low, view.high]} colors=${view.colors}>
      fixed scale; values outside it have the color of the nearer limit<//>`;
  }
  return html`<${ColorScale} limits=${layerLimits(sheets)} colors=${view.colors}>
    one scale for all maps of the layer<//>`;
}

/**
 * How many units have no dream yet, with a button that starts the next ones.
 * @param {{ layer: LayerInfo, units: number[] }} props
 */
function MissingDreams({ layer, units }) {
  const sheet = useDreamSheet(layer);
  const dreams = app.use((state) => state.dreams);
  const running = Object.values(dreams).filter((dream) => dream.layer === layer.id && isInProgress(dream.phase));
  if (!sheet.known) return null;
  const started = new Set([...sheet.units, ...running.map((dream) => dream.unit)]);
  const missing = units.filter((unit) => !started.has(unit));
  if (!missing.length) return null;
  const next = missing.slice(0, DREAMS_A_PRESS);
  const start = async () => {
    for (const unit of next) if (!(await startDream(layer.id, unit))) return;
  };
  const done = sheet.units.length;
  return html`
    <p class="small soft line">
      ${done ? `${done} of ${units.length} units have a dream.` : "No dreams of this layer yet."}
      ${running.length ? ` ${running.length} in progress.` : ""} <button
          onClick=${start}>Dream ${next.length === 1 ? "the last one" : `the next ${next.length}`}</button></p>`;
}
