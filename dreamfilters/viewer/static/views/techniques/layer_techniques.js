// @ts-check
// The techniques of a layer on its page: a link to the form of each; one that needs nothing else is started too.
import { html } from "../../lib/html.js";
import { layerArgument, layersFor, startOf } from "../../lib/technique_form.js";
import { startTechnique } from "../../state/actions.js";
import { anchorTo } from "../../state/routing.js";
import { isInProgress } from "../../state/selectors.js";
import { app, techniqueForms } from "../../state/store.js";

/** @typedef {import("../../types.js").TechniqueForm} TechniqueForm */

/** @param {Pick<import("../../types.js").ViewProps, "view" | "layer">} props */
export function LayerTechniques({ view, layer }) {
  const { network, jobs } = app.use((state) => state);
  const forms = (network?.techniques ?? []).filter((form) => {
    const argument = layerArgument(form);
    return argument && layersFor([layer], argument.kind, network?.class_layer ?? null).length;
  });
  const open = (/** @type {TechniqueForm} */ form) => {
    const values = { [layerArgument(form)?.name ?? ""]: layer.id };
    techniqueForms.set({ [form.name]: { ...(techniqueForms.get()[form.name] ?? startOf(form)), ...values } });
    const isKnown = Object.values(jobs).some(
      ({ technique, phase }) =>
        technique?.name === form.name &&
        JSON.stringify(technique.values) === JSON.stringify(values) &&
        (phase === "done" || isInProgress(phase)),
    );
    if (form.subject === "network" && !isKnown) startTechnique({ name: form.name, image: "", layer: "", unit: 0, values });
  };
  return html`${forms.map((form) => {
    const link = anchorTo(view, { page: "techniques", technique: form.name });
    const follow = (/** @type {MouseEvent} */ event) => {
      link.onClick(event);
      if (event.defaultPrevented) open(form);
    };
    return html`<a key=${form.name} class="button" href=${link.href} onClick=${follow} title=${form.meaning}>${form.title}</a>`;
  })}`;
}
