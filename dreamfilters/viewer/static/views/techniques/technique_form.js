// @ts-check
// The form of a technique: what it starts from, its arguments, and the button.
import { html, useState } from "../../lib/html.js";
import { missingOf, startAt, valuesOf } from "../../lib/technique_form.js";
import { startTechnique } from "../../state/actions.js";
import { inputId, paths } from "../../state/api.js";
import { isClassLayer, unitName } from "../../state/network_index.js";
import { app, techniqueForms } from "../../state/store.js";
import { Field, Select, inputOf } from "../shared/controls.js";
import { ArgumentField } from "./argument_field.js";

/** @typedef {import("../../types.js").ImageInfo & import("../../types.js").ImageRef} ImageInfo */
/** @typedef {import("../../types.js").Layer} Layer */
/** @typedef {import("../../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../../types.js").TechniqueForm} TechniqueFormValues */
/** @typedef {import("../../types.js").View} View */

/**
 * @param {{ form: TechniqueFormValues, view: View, net: NetworkIndex, image: ImageInfo | undefined, ready: boolean }} props
 */
export function TechniqueForm({ form, view, net, image, ready }) {
  const classLayer = app.use((state) => state.network?.class_layer ?? null);
  const open = view.layer === null ? undefined : net.byName.get(view.layer);
  const first = startAt(form, open, net.layers, classLayer);
  const entered = techniqueForms.use((all) => all[form.name]) ?? first;
  const scanned = app.use((state) => state.images.some((each) => !each.uploaded));
  const [fromNothing, setFromNothing] = useState(false);
  const layers = net.layers.filter((layer) => layer.dreamable);
  const [subject, setSubject] = useState({ layer: (open?.dreamable ? open : layers[0])?.id ?? "", unit: view.unit ?? 0 });
  const missing = missingOf(form, entered);
  const obstacle = obstacleTo(form, { image, fromNothing, scanned, missing: missing?.title ?? "" });
  const enter = (/** @type {string} */ name, /** @type {string | string[]} */ value) =>
    techniqueForms.set({ [form.name]: { ...entered, [name]: value } });
  const start = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!ready || obstacle) return;
    const from = form.subject === "unit" ? { ...subject, image: "" } : { layer: "", unit: 0 };
    const id = form.subject === "image" && image && !fromNothing ? inputId(image) : "";
    startTechnique({ image: id, ...from, name: form.name, values: valuesOf(form, entered) });
  };
  return html`
    <form class="technique-form" onSubmit=${start}>
      ${form.subject === "unit" && html`<${UnitChoice} net=${net} layers=${layers} subject=${subject} setSubject=${setSubject} />`}
      ${
        form.subject === "image" &&
        html`<${ImageChoice} form=${form} image=${image} fromNothing=${fromNothing} setFromNothing=${setFromNothing} />`
      }
      <div class="fields">${form.arguments.map(
        (argument) => html`<${ArgumentField} key=${argument.name} argument=${argument} value=${entered[argument.name] ?? ""}
            enter=${enter} view=${view} net=${net} image=${image} />`,
      )}</div>
      <p class="actions">
        <button class="primary" type="submit" disabled=${!ready || obstacle !== ""}>Start</button>
        <button type="button" onClick=${() => techniqueForms.set({ [form.name]: first })}>Defaults</button>
        <span class="small soft" role="status">${obstacle}</span>
      </p>
      <details class="technique-meanings">
        <summary class="small soft">What the settings mean</summary>
        <dl class="meanings small">${form.arguments
          .filter(({ meaning }) => meaning)
          .map(({ name, title, meaning }) => html`<dt key=${name}>${title}</dt><dd class="soft">${meaning}</dd>`)}</dl>
      </details>
    </form>`;
}

/**
 * Return why a technique cannot be started, "" if it can.
 * @param {TechniqueFormValues} form
 * @param {{ image: ImageInfo | undefined, fromNothing: boolean, scanned: boolean, missing: string }} state
 */
function obstacleTo(form, { image, fromNothing, scanned, missing }) {
  if (form.subject === "unit" && !scanned) return "This needs a folder of images.";
  if (form.subject === "image" && !fromNothing && !image) return "Add an image first.";
  if (form.subject === "image" && !fromNothing && !image?.width) return "The image cannot be read.";
  return missing && `Choose: ${missing}.`;
}

/**
 * @param {{ form: TechniqueFormValues, image: ImageInfo | undefined, fromNothing: boolean,
 *   setFromNothing: (on: boolean) => void }} props
 */
const ImageChoice = ({ form, image, fromNothing, setFromNothing }) => html`
  <div class="technique-subject">
    ${
      image &&
      !fromNothing &&
      image.width > 0 &&
      html`<img class="image" src=${paths.image(image, "thumb")} alt=${image.name} />`
    }
    <div>
      <p><span class="small soft">Starts from</span><br />
        <b>${fromNothing ? form.without : (image?.name ?? "no image")}</b>${!fromNothing && image?.cropped && ", its middle"}</p>
      ${!fromNothing && html`<p class="small soft">Select another image above, or add one.</p>`}
      ${
        form.without &&
        html`<label class="field small"><input type="checkbox" checked=${fromNothing}
            onChange=${() => setFromNothing(!fromNothing)} /> from ${form.without}, without an image</label>`
      }
    </div>
  </div>`;

/**
 * @param {{ net: NetworkIndex, layers: Layer[], subject: { layer: string, unit: number },
 *   setSubject: (subject: { layer: string, unit: number }) => void }} props
 */
function UnitChoice({ net, layers, subject, setSubject }) {
  const layer = net.byId.get(subject.layer);
  if (!layer) return html`<p class="small soft">No layer has units with a gradient.</p>`;
  const limited = (/** @type {number} */ unit) => Math.min(Math.max(0, Math.trunc(unit) || 0), layer.units - 1);
  return html`
    <div class="technique-subject">
      <${Field} label="Layer"><${Select} label="Layer" value=${layer.id}
          options=${Object.fromEntries(layers.map(({ id, name }) => [id, name]))}
          onChange=${(/** @type {string} */ id) => setSubject({ layer: id, unit: 0 })} /><//>
      ${
        isClassLayer(layer)
          ? html`<${Field} label="Class"><${Select} label="Class" value=${String(subject.unit)}
              options=${Object.fromEntries(net.classes.map((name, number) => [number, name]))}
              onChange=${(/** @type {string} */ unit) => setSubject({ ...subject, unit: Number(unit) })} /><//>`
          : html`<${Field} label="Unit"><input type="number" min="0" max=${layer.units - 1} step="1" value=${subject.unit}
              aria-label="Unit" onChange=${(/** @type {Event} */ event) =>
                setSubject({ ...subject, unit: limited(inputOf(event).valueAsNumber) })} /><//>
            <span class="small soft">${unitName(net, layer, subject.unit)}</span>`
      }
    </div>`;
}
