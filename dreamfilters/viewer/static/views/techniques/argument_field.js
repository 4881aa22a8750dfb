// @ts-check
// One argument of a technique: a list of what the network or the page has, or a number.
import { html } from "../../lib/html.js";
import { plural } from "../../lib/number_format.js";
import { layersFor } from "../../lib/technique_form.js";
import { isClassLayer, unitName } from "../../state/network_index.js";
import { app } from "../../state/store.js";
import { Field, Select, inputOf } from "../shared/controls.js";

/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../../types.js").TechniqueArgument} TechniqueArgument */
/** @typedef {import("../../types.js").View} View */
/**
 * @typedef {{ argument: TechniqueArgument, value: string | string[], enter: (name: string, value: string | string[]) => void,
 *   view: View, net: NetworkIndex, image: ImageInfo | undefined }} FieldProps
 */

const MOST_IMAGES = 500; // in a list

/** @param {FieldProps} props */
export function ArgumentField(props) {
  const { argument, value, enter } = props;
  const { name, kind, title, meaning } = argument;
  const state = app.use((all) => all);
  if (kind === "layers" || kind === "maps") return html`<${LayerChecks} ...${props} />`;
  const label = `${title}${meaning && `: ${meaning}`}`;
  const options = optionsOf(props, state);
  return html`
    <div class="technique-field" title=${meaning}>
      <${Field} label=${title}>${
        options
          ? html`<${Select} label=${label} options=${options} value=${value}
              onChange=${(/** @type {string} */ chosen) => enter(name, chosen)} />`
          : html`<input type="number" aria-label=${label} value=${value} placeholder="automatic"
              min=${argument.lowest} max=${argument.highest} step=${kind === "integer" ? 1 : "any"}
              onInput=${(/** @type {Event} */ event) => enter(name, inputOf(event).value)} />`
      }<//>
    </div>`;
}

/**
 * Return the options of a list, "" for the default; null for a number.
 * @param {FieldProps} props
 * @param {import("../../types.js").AppState} state
 * @returns {Record<string, string> | null}
 */
function optionsOf({ argument, view, net, image }, state) {
  const { kind, choices, required } = argument;
  const none = { "": required ? "choose" : "automatic" };
  if (kind === "choice") return Object.fromEntries(choices.map((each) => [each, each]));
  if (kind === "recipe") return { ...none, ...Object.fromEntries(state.recipes.map((each) => [each, each])) };
  if (kind === "class" || kind === "target") {
    return { ...none, ...(kind === "target" ? openUnit(view, net) : {}), ...classOptions(net) };
  }
  if (kind === "image") {
    const others = state.images.filter((each) => each.width > 0 && each.id !== image?.id).slice(0, MOST_IMAGES);
    return { ...none, ...Object.fromEntries(others.map(({ id, name }) => [id, name])) };
  }
  if (kind === "layer" || kind === "kernels" || kind === "layer-target") {
    const layers = layersFor(net.layers, kind, state.network?.class_layer ?? null);
    return { ...none, ...Object.fromEntries(layers.map(({ id, name }) => [id, name])) };
  }
  return null;
}

/** The classes, by the ids of their units. @param {NetworkIndex} net */
function classOptions(net) {
  const layer = net.layers.find(isClassLayer);
  return layer ? Object.fromEntries(net.classes.map((name, number) => [`${layer.id}:${number}`, name])) : {};
}

/** The units of inner layers that the link names: the open one, the frozen one. @param {View} view @param {NetworkIndex} net */
function openUnit(view, net) {
  const open = view.layer !== null && view.unit !== null ? [{ layer: view.layer, unit: view.unit }] : [];
  const units = [...open, ...(view.frozen ? [view.frozen] : [])].flatMap(({ layer: name, unit }) => {
    const layer = net.byName.get(name);
    return layer?.dreamable && !isClassLayer(layer) && unit < layer.units
      ? [[`${layer.id}:${unit}`, unitName(net, layer, unit)]]
      : [];
  });
  return Object.fromEntries(units);
}

/** Several layers; without a choice the technique chooses. @param {FieldProps} props */
function LayerChecks({ argument, value, enter, net }) {
  const classLayer = app.use((state) => state.network?.class_layer ?? null);
  const chosen = Array.isArray(value) ? value : [];
  const toggle = (/** @type {string} */ id) =>
    enter(argument.name, chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  return html`
    <details class="technique-field layer-checks">
      <summary><span class="small soft">${argument.title}</span> ${chosen.length ? plural(chosen.length, "layer") : "automatic"}</summary>
      <p class="small soft">${argument.meaning}</p>
      <div>${layersFor(net.layers, argument.kind, classLayer).map(
        ({ id, name }) => html`
        <label key=${id} class="small"><input type="checkbox" checked=${chosen.includes(id)}
            onChange=${() => toggle(id)} /> ${name}</label>`,
      )}</div>
    </details>`;
}
