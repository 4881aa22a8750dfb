// @ts-check
// A unit: its verdict, its dream beside images with their maps, its numbers, and the measures of its dream.
import { html } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { plural } from "../../lib/number_format.js";
import { copyText, startJob, togglePin } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { isClassLayer, unitName } from "../../state/network_index.js";
import { refresh, useResource } from "../../state/resources.js";
import { anchorTo, go } from "../../state/routing.js";
import { dreamsOf, isInProgress } from "../../state/selectors.js";
import { app, showMessage } from "../../state/store.js";
import { DreamPanel } from "../dream/dream_panel.js";
import { WhichPixels } from "../images/explanation.js";
import { breakable } from "../network/layer_list.js";
import { ChangeTag } from "../shared/change_notice.js";
import { Menu } from "../shared/controls.js";
import { saveUnit } from "../shared/png_export.js";
import { Empty, Failed, Skeleton } from "../shared/states.js";
import { UnitTechniques } from "../techniques/unit_techniques.js";
import { ClassSections } from "./class_sections.js";
import { Facts } from "./facts.js";
import { Measures } from "./measures.js";
import { PassControls, PredictedClasses } from "./pass_controls.js";
import { UnitViews, maximumOf } from "./unit_views.js";

/** @typedef {import("../../types.js").Dream} Dream */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").UnitFacts} UnitFacts */
/** @typedef {import("../../types.js").UnitMap} UnitMap */
/** @typedef {import("../../types.js").ViewProps} ViewProps */

const FAST = 10; // units that Shift and a key move

/** @param {ViewProps & { unit: number }} props */
export function Unit({ view, net, layer, unit, images, ready }) {
  const { resource, dreams, dream } = useUnit(layer, unit, ready);
  /** @type {UnitMap | undefined} */
  const dreamMap = useResource(ready && dream?.phase === "done" ? paths.dreamMap(dream) : null).value;
  const { previous, next } = useUnitKeys(view, layer, unit);
  if (unit >= layer.units) {
    return html`<${Empty} title=${`There is no ${layer.name}:${unit}`}>
      ${layer.name} has ${plural(layer.units, "unit")}, 0 to ${layer.units - 1}. <a
          ...${anchorTo(view, { unit: null })}>Show them</a><//>`;
  }
  const facts = resource.value;
  if (resource.phase === "failed" && !facts) {
    return html`<${Failed} error=${resource.error}
        retry=${() => refresh((address) => address === paths.unit(layer.id, unit))} />`;
  }
  const name = unitName(net, layer, unit);
  const shared = { view, layer, unit, name, facts, dream, images };
  return html`
    <article class="unit" data-unit=${`${layer.name}:${unit}`} data-ready=${facts ? "yes" : null}>
      <${Header} ...${shared} previous=${previous} next=${next} />
      <${ChangeTag} view=${view} />
      <${PassControls} view=${view} layer=${layer} unit=${unit} />
      <${UnitViews} ...${shared} dreamMap=${dreamMap} ready=${ready} />
      ${images.length > 0 && html`<${PredictedClasses} view=${view} net=${net} image=${images[0]} ready=${ready} />`}
      <${UnitTechniques} view=${view} layer=${layer} unit=${unit} ready=${ready} />
      ${isClassLayer(layer) && html`<${ClassSections} view=${view} net=${net} number=${unit} ready=${ready} />`}
      ${images.length > 0 && html`<${WhichPixels} view=${view} net=${net} layer=${layer} unit=${unit} image=${images[0]} ready=${ready} />`}
      <div class="columns">
        <${Facts} facts=${facts} dreamResponse=${maximumOf(dreamMap)} />
        <${Measures} dream=${dream} dreams=${dreams} layer=${layer} />
      </div>
    </article>`;
}

/**
 * The dreams of the unit, at the right of its view.
 * @param {Pick<ViewProps, "net" | "layer" | "ready"> & { unit: number }} props
 */
export function UnitAside({ net, layer, unit, ready }) {
  const { dreams, dream } = useUnit(layer, unit, ready);
  return html`<${DreamPanel} layer=${layer} unit=${unit} name=${unitName(net, layer, unit)} dreams=${dreams}
      dream=${dream} select=${(/** @type {string} */ id) => app.set({ selectedDream: id })} />`;
}

/** Freeze a unit, or release it. @param {import("../../types.js").View} view @param {Layer} layer @param {number} unit */
const toggleFrozen = (view, layer, unit) =>
  go({ frozen: isFrozen(view, layer, unit) ? null : { layer: layer.name, unit } });

/** @param {import("../../types.js").View} view @param {Layer} layer @param {number} unit */
const isFrozen = ({ frozen }, layer, unit) => frozen?.layer === layer.name && frozen.unit === unit;

/** @param {import("../../types.js").View} view @param {Layer} layer @param {number} unit */
function useUnitKeys(view, layer, unit) {
  const move = (/** @type {number} */ by) => go({ unit: (((unit + by) % layer.units) + layer.units) % layer.units });
  const step = (/** @type {1 | -1} */ by) => (/** @type {{ shiftKey?: boolean }} */ event) =>
    move(event.shiftKey ? by * FAST : by);
  const [left, right] = [step(-1), step(1)];
  useKeys({
    ...{ ArrowLeft: left, h: left, H: left, ArrowRight: right, l: right, L: right },
    p: () => togglePin(layer.name, unit),
    r: () => toggleFrozen(view, layer, unit),
  });
  return { previous: () => move(-1), next: () => move(1) };
}

/** @param {Layer} layer @param {number} unit @param {boolean} ready */
function useUnit(layer, unit, ready) {
  /** @type {import("../../types.js").Resource<UnitFacts>} */
  const resource = useResource(ready ? paths.unit(layer.id, unit) : null);
  const live = app.use((state) => state.dreams);
  const selected = app.use((state) => state.selectedDream);
  return { resource, ...dreamsOf(resource.value?.dreams ?? [], live, { layer: layer.id, unit }, selected) };
}

/**
 * @typedef {Pick<ViewProps, "view" | "layer" | "images"> & { unit: number, name: string, facts: UnitFacts | undefined,
 *   dream: Dream | null }} UnitProps
 */

/** @param {UnitProps & { previous: () => void, next: () => void }} props */
function Header({ previous, next, ...unitProps }) {
  const { view, layer, unit, name, facts } = unitProps;
  const phase = app.use((state) => state.evidence.phase);
  const verdict = facts?.verdict;
  return html`
    <header class="head">
      <div>
        <p class="small soft">
          <a ...${anchorTo(view, { unit: null })}>${layer.name}</a> · ${plural(layer.units, "unit")}</p>
        <h1>${breakable(name)}</h1>
        <p class="verdict">${
          verdict?.kind
            ? html`<span class=${`tag ${verdict.kind.replace(" ", "-")}`}>${verdict.kind}
              </span> <span class="small soft">${verdict.sentence}</span>`
            : html`<span class="small soft">${facts ? noVerdictText(layer, phase) : html`<${Skeleton} kind="line" />`}
              </span>`
        }</p>
      </div>
      <div class="actions">
        <button onClick=${previous} aria-label="Previous unit" title="Previous unit (←)">←</button>
        <button onClick=${next} aria-label="Next unit" title="Next unit (→)">→</button>
        <button onClick=${() => togglePin(layer.name, unit)} title="Pin for comparison (p)">Pin</button>
        <button aria-pressed=${isFrozen(view, layer, unit)} onClick=${() => toggleFrozen(view, layer, unit)}
            title="Keep its map and backward pass beside every view (r)">Freeze</button>
        <${ExportMenu} ...${unitProps} />
      </div>
    </header>`;
}

/** Return why there is no verdict. @param {Layer} layer @param {import("../../types.js").EvidencePhase} phase */
function noVerdictText(layer, phase) {
  if (isInProgress(phase)) return "No verdict yet: the images are being scanned.";
  if (phase !== "ready") return "";
  if (isClassLayer(layer)) return "No verdict: a class score is relative to the other classes, so it cannot be dead.";
  const reason = "this layer forwards its input unchanged, or its activation function comes later";
  return `No verdict: ${reason}; see the next layer.`;
}

/** @param {UnitProps} props */
function ExportMenu(props) {
  const { layer, unit, facts, dream } = props;
  const { command, python } = (dream?.command ? dream : facts) ?? {}; // these make the shown dream again
  const target = facts?.target ?? `${layer.name}:${unit}`;
  const compare = async () => {
    await startJob("compare", { layer: layer.id, units: [unit] });
    showMessage("The comparison is in the menu Work.");
  };
  return html`
    <${Menu} summary="Export">
      <button onClick=${() => copyText(location.href, "the link")}>Copy the link</button>
      ${
        command &&
        html`<button onClick=${() => copyText(command, "the command line")}
            title=${command}>Copy the command line</button>`
      }
      ${
        python &&
        html`<button onClick=${() => copyText(python, "the Python code")} title=${python}>Copy the Python code</button>`
      }
      <button onClick=${() => saveUnit(props)}>Save this view as PNG</button>
      <a class="button" href=${paths.unitFile(layer.id, unit)}
          download=${`${target.replace(/[^\w.-]+/g, "-")}.json`}>Save the unit as JSON</a>
      <button onClick=${compare} title="As ‘dreamfilters compare’, into a run folder">Compare with images</button>
    <//>`;
}
