// @ts-check
// The techniques of a unit on its page: a button for each, which starts it with its defaults, and the newest result.
import { html } from "../../lib/html.js";
import { startTechnique } from "../../state/actions.js";
import { anchorTo } from "../../state/routing.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { JobState } from "../jobs/job_state.js";

/** @typedef {import("../../types.js").ViewProps} ViewProps */

/** @param {Pick<ViewProps, "view" | "layer" | "ready"> & { unit: number }} props */
export function UnitTechniques({ view, layer, unit, ready }) {
  const { network, jobs, images } = app.use((state) => state);
  const forms = (network?.techniques ?? []).filter(({ subject }) => subject === "unit");
  if (!layer.dreamable || !forms.length) return null;
  const scanned = images.some((image) => !image.uploaded);
  const own = Object.values(jobs).filter(
    ({ technique }) => technique?.layer === layer.id && technique.unit === unit && technique.image === "",
  );
  const newest = forms.flatMap((form) => own.findLast(({ technique }) => technique?.name === form.name) ?? []);
  return html`
    <section class="unit-techniques">
      <h2>From several seeds and real images</h2>
      <p class="actions">${forms.map(
        ({ name, title, meaning }) => html`
        <button key=${name} disabled=${!ready || !scanned || own.some((job) => job.technique?.name === name && isInProgress(job.phase))}
            title=${scanned ? meaning : "This needs a folder of images"}
            onClick=${() => startTechnique({ name, image: "", layer: layer.id, unit, values: {} })}>${title}</button>`,
      )}
        <a class="small" ...${anchorTo(view, { page: "techniques", technique: forms[0].name })}>with other settings</a></p>
      ${newest.map((job) => html`<${JobState} key=${job.id} job=${job} full />`)}
    </section>`;
}
