// @ts-check
// Why a class or a unit has its score on an image: heatmaps of its pixels, and the units that carry a logit.
import { html } from "../../lib/html.js";
import { formatNumber, plural } from "../../lib/number_format.js";
import { copyText } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { chosenMethods, runnerUp, scaleText } from "../../state/explanations.js";
import { classInText, isClassLayer, unitName } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { anchorTo } from "../../state/routing.js";
import { app, explanation } from "../../state/store.js";
import { Menu } from "../shared/controls.js";
import { Skeleton } from "../shared/states.js";
import { TrustView } from "./heatmap_trust.js";
import { ShareBar } from "./marked_image.js";

/** @typedef {import("../../types.js").AttributionMethod} AttributionMethod */
/** @typedef {import("../../types.js").Heatmap} Heatmap */
/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").LogitUnits} LogitUnits */
/** @typedef {import("../../types.js").NoExplanation} NoExplanation */
/** @typedef {import("../../types.js").Prediction} Prediction */
/** @typedef {Pick<import("../../types.js").ViewProps, "view" | "net" | "ready"> & { image: ImageInfo }} ImageProps */
/** @typedef {ImageProps & { layer: Layer, unit: number }} TargetProps */

/**
 * Which pixels and units the predicted class of an image depends on; nothing where no class is predicted.
 * @param {ImageProps} props
 */
export function WhyClass(props) {
  const classes = usePredictions(props);
  const layer = props.net.layers.find(isClassLayer);
  if (!layer || !classes?.length) return null;
  return html`<${Explanation} ...${props} title="Why this class?" layer=${layer} unit=${classes[0].index}
      other=${runnerUp(classes, classes[0].index)} />`;
}

/**
 * Which pixels of an image a unit depends on; nothing where it has no gradient.
 * @param {TargetProps} props
 */
export function WhichPixels(props) {
  const classes = usePredictions(props);
  const { layer, unit } = props;
  if (!layer.dreamable) return null;
  const isClass = isClassLayer(layer);
  return html`<${Explanation} ...${props} title=${isClass ? "Why this class?" : "Which pixels?"}
      other=${isClass ? runnerUp(classes ?? [], unit) : null} />`;
}

/** @param {ImageProps} props @returns {Prediction[] | undefined} */
const usePredictions = ({ image, ready }) => useResource(ready ? paths.predictions(image) : null).value?.classes;

/** @param {TargetProps & { title: string, other: Prediction | null }} props */
function Explanation({ title, other, ...target }) {
  const { open, methods: names, compared } = explanation.use((state) => state);
  const methods = app.use((state) => state.network?.attributions) ?? [];
  const shown = chosenMethods(methods, names);
  const against = compared && other ? other.index : null;
  const { net, layer, unit, image } = target;
  const name = isClassLayer(layer) ? classInText(unitName(net, layer, unit), unit) : unitName(net, layer, unit);
  const text = against === null || !other ? name : `${name} over ${classInText(other.name, other.index)}`;
  return html`
    <section class="explanation">
      <button aria-expanded=${open} onClick=${() => explanation.set({ open: !open })}>${title}</button>
      ${
        open &&
        html`
        <p class="small soft">Which pixels of ${image.name} the score of ${text} depends on.</p>
        <${Controls} methods=${methods} shown=${shown} other=${other} compared=${compared} />
        <div class="heatmaps">${shown.map(
          (method) => html`<${HeatmapView} key=${method.name} ...${target} method=${method} against=${against}
              text=${text} />`,
        )}</div>
        ${isClassLayer(layer) && html`<${LogitUnitList} ...${target} against=${against} text=${text} />`}`
      }
    </section>`;
}

/**
 * @param {{ methods: AttributionMethod[], shown: AttributionMethod[], other: Prediction | null, compared: boolean }} props
 */
function Controls({ methods, shown, other, compared }) {
  const toggle = (/** @type {AttributionMethod} */ { name }) => {
    const names = shown.map((method) => method.name);
    explanation.set({ methods: names.includes(name) ? names.filter((each) => each !== name) : [...names, name] });
  };
  const button = (/** @type {AttributionMethod} */ method) => html`
    <button key=${method.name} aria-pressed=${shown.includes(method)} title=${method.meaning}
        onClick=${() => toggle(method)}>${method.name}</button>`;
  return html`
    <div class="actions" role="group" aria-label="What is explained, and how">
      ${methods.filter(({ quick }) => quick).map(button)}
      <${Menu} summary="More methods" sticky>${methods.filter(({ quick }) => !quick).map(button)}<//>
      ${
        other &&
        html`<button class="against" aria-pressed=${compared} onClick=${() => explanation.set({ compared: !compared })}
            title=${`Explain the score less that of ${other.name}`}>Against the runner-up: ${other.name}</button>`
      }
    </div>`;
}

/** @param {TargetProps & { method: AttributionMethod, against: number | null, text: string }} props */
function HeatmapView({ layer, unit, image, ready, method, against, text }) {
  const address = ready ? paths.heatmap({ layer: layer.id, unit }, image, method.name, against) : null;
  /** @type {import("../../types.js").Resource<Heatmap | NoExplanation>} */
  const { value, error } = useResource(address);
  const reason = error?.message ?? value?.reason;
  return html`
    <figure class="heatmap" data-method=${method.name} aria-busy=${!value && !error}>
      <figcaption class="small"><span>${method.name}</span>
        <b>${value?.reason === null && scaleText(value)}</b></figcaption>
      ${
        reason
          ? html`<p class="small bad" role="alert">${reason}</p>`
          : value?.reason === null
            ? html`<img class="image" src=${value.overlay} alt=${`${method.name} of ${text} on ${image.name}`} />`
            : html`<${Skeleton} kind="tile" />`
      }
      <p class="small soft">Value: ${method.meaning}.</p>
      ${
        value?.reason === null &&
        html`<p class="small soft">Score: ${formatNumber(value.score)}. Colors: ${value.legend}.</p>
        ${value.remark && html`<p class="small bad">${value.remark}</p>`}
        <${TrustView} key=${address} target=${{ layer: layer.id, unit }} image=${image} method=${method.name}
            against=${against} ready=${ready} />
        <${Copies} command=${value.command} python=${value.python} />`
      }
    </figure>`;
}

/**
 * The units that carry the logit of a class, or its margin.
 * @param {TargetProps & { against: number | null, text: string }} props
 */
function LogitUnitList({ view, net, unit, image, ready, against, text }) {
  /** @type {import("../../types.js").Resource<LogitUnits | NoExplanation>} */
  const { value, error } = useResource(ready ? paths.logitUnits(unit, image, against) : null);
  const reason = error?.message ?? value?.reason;
  if (reason) return html`<p class="small soft">${reason}</p>`;
  if (value?.reason !== null) return html`<${Skeleton} kind="line" />`;
  const layer = net.byId.get(value.layer);
  if (!layer) return null;
  const largest = Math.max(...value.units.map(({ contribution }) => Math.abs(contribution)), 1e-12);
  return html`
    <h3>Units that carry ${text}</h3>
    <p class="small soft">Activation times gradient: all ${plural(value.count, "unit")} of ${layer.name} add up to ${formatNumber(value.total)} of
      ${against === null ? " the logit " : " the margin "}${formatNumber(value.logit)}.</p>
    <ol class="class-list logit-units">${value.units.map(
      ({ unit: number, contribution, activation }) => html`
      <li key=${number}><span title=${`activation ${formatNumber(activation)}`}>
        <a ...${anchorTo(view, { layer: layer.name, unit: number, compare: [] })}>${unitName(net, layer, number)}</a>
        <b>${formatNumber(contribution)}</b></span>
        <${ShareBar} fraction=${Math.abs(contribution) / largest} /></li>`,
    )}</ol>
    <${Copies} python=${value.python} />`;
}

/** @param {{ command?: string, python: string }} props */
const Copies = ({ command, python }) =>
  python // a changed network has neither
    ? html`
  <${Menu} summary="Copy">
    ${
      command &&
      html`<button onClick=${() => copyText(command, "the command line")} title=${command}>Command line</button>`
    }
    <button onClick=${() => copyText(python, "the Python code")} title=${python}>Python code</button>
  <//>`
    : null;
