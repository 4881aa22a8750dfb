// @ts-check
// What is passed back from the unit, and what its output is multiplied by; the classes with and without the change.
import { html } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { factorOf, nextFactor, setFactor, toggleAblated } from "../../state/changes.js";
import { isClassLayer } from "../../state/network_index.js";
import { app, explanation } from "../../state/store.js";
import { Predictions } from "../images/marked_image.js";
import { ChangeTag } from "../shared/change_notice.js";
import { useColorKeys } from "../shared/color_scale.js";
import { Choice, Field, Select } from "../shared/controls.js";

/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").View} View */

const BACKWARD = ["gradient", "deconvnet", "guided-backprop"];
const DRAWN = { "": "over the image", signal: "signal", gray: "gray", norm: "norm", "blurred-norm": "blurred norm" };

/** @param {{ view: View, layer: Layer, unit: number }} props */
export function PassControls({ view, layer, unit }) {
  const { factor, ablate, weaker, stronger } = useChange(view, layer, unit);
  const { backward, methods, drawn } = useBackward(layer);
  useColorKeys(view);
  const options = Object.fromEntries(["", ...methods].map((name) => [name, name || "none"]));
  return html`
    <div class="pass-controls">
      ${
        methods.length > 0 &&
        html`<span class="small soft">Backward pass</span>
        <${Choice} label="Backward pass (b)" options=${options} value=${backward}
            onChange=${(/** @type {string} */ name) => explanation.set({ backward: name })} />`
      }
      ${
        methods.length > 0 &&
        backward !== "" &&
        html`<${Field} label="drawn as"><${Select} label="Filter of the backward pass (k)" options=${DRAWN} value=${drawn}
            onChange=${(/** @type {string} */ name) => explanation.set({ drawn: name })} /><//>`
      }
      ${
        !isClassLayer(layer) &&
        html`<div class="choice" role="group" aria-label="Change the unit">
          <button aria-pressed=${factor === 0} class=${factor === 0 ? "on" : ""} onClick=${ablate}
              title="Set the output of the unit to zero, or undo it (z)">Ablate</button>
          <button aria-label="Weaken the unit" title="Multiply the output of the unit by less (−)"
              onClick=${weaker}>−</button>
          <span class="factor small" title="What the output of the unit is multiplied by">× ${factor}</span>
          <button aria-label="Boost the unit" title="Multiply the output of the unit by more (+)"
              onClick=${stronger}>+</button>
        </div>`
      }
    </div>`;
}

/** @param {View} view @param {Layer} layer @param {number} unit */
function useChange(view, layer, unit) {
  const factor = factorOf(view.changes, layer.name, unit);
  const change = (/** @type {() => void} */ action) => () => isClassLayer(layer) || action();
  const ablate = change(() => toggleAblated(layer.name, unit));
  const weaker = change(() => setFactor(layer.name, unit, nextFactor(factor, -1)));
  const stronger = change(() => setFactor(layer.name, unit, nextFactor(factor, 1)));
  useKeys({ z: ablate, "-": weaker, "+": stronger, "=": stronger });
  return { factor, ablate, weaker, stronger };
}

/** The method of the backward pass, those that there are, and how it is drawn. @param {Layer} layer */
function useBackward(layer) {
  const known = app.use((state) => state.network?.attributions) ?? [];
  const methods = layer.dreamable ? BACKWARD.filter((name) => known.some((method) => method.name === name)) : [];
  const backward = explanation.use((state) => state.backward);
  const drawn = explanation.use((state) => state.drawn);
  const all = ["", ...methods];
  const filters = Object.keys(DRAWN);
  useKeys({
    b: () => explanation.set({ backward: all[(all.indexOf(backward) + 1) % all.length] }),
    k: () => explanation.set({ drawn: filters[(filters.indexOf(drawn) + 1) % filters.length] }),
  });
  return { backward, methods, drawn };
}

/**
 * The classes that are predicted for the image; where the network is changed, beside those of the plain one.
 * @param {Pick<import("../../types.js").ViewProps, "view" | "net" | "ready"> & {
 *   image: import("../../types.js").ImageInfo }} props
 */
export function PredictedClasses(props) {
  const { view, image } = props;
  const changed = view.changes.length > 0;
  if (!props.net.layers.some(isClassLayer)) return null;
  return html`
    <section class="predicted-classes">
      <h2>Predicted for ${image.label ?? image.name}</h2>
      <div class="columns">
        ${changed && html`<div class="unchanged"><p class="small soft">plain network</p><${Predictions} ...${props} change="" /></div>`}
        <div class="present"><${ChangeTag} view=${view} /><${Predictions} ...${props} /></div>
      </div>
    </section>`;
}
