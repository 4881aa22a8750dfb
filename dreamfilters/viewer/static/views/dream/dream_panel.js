// Dreaming a unit: the recipe and the seed, the image as it grows, and what was dreamt before.
import { paths } from "../../state/api.js";
import { cancel, dream as begin, keep, prepare } from "../../state/actions.js";
import { html, names, useEffect, useState } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { figures } from "../../lib/number_format.js";
import { app } from "../../state/store.js";
import { underWay } from "../../state/selectors.js";
import { Field } from "../shared/controls.js";
import { useImage } from "./dream_sheet.js";

/** `dreams` of the unit, the newest first; `dream` the one that is looked at. */
export function Dreams({ layer, unit, named, dreams, dream, pick }) {
  const recipes = app.use((state) => state.recipes);
  const usual = app.use((state) => (layer.type === "Classes" ? state.class_recipe : state.default_recipe));
  const ready = app.use((state) => state.phase === "ready");
  const [recipe, setRecipe] = useState("");
  const [seed, setSeed] = useState(0);
  const active = dreams.find((one) => underWay(one.phase));
  const wanted = recipe || usual;
  useEffect(() => {
    if (ready && layer.dreamable && wanted) prepare(layer.id, unit, wanted);
  }, [ready, layer.id, wanted]);
  const start = async (chosen) => {
    if (!layer.dreamable || active) return;
    const made = await begin(layer.id, unit, { recipe: wanted, seed: chosen });
    if (made) pick(made.id);
  };
  const again = () => {
    const next = Math.max(-1, ...dreams.map((one) => one.seed)) + 1;
    setSeed(next);
    start(next);
  };
  useKeys({ d: () => start(seed), a: again, x: () => active && cancel(active) });
  if (!layer.dreamable) {
    return html`<section class="dreams"><h2>Dream</h2><p class="soft">
      ${layer.name} cannot be dreamt: ${layer.reason ?? "its units have no gradient"}.</p></section>`;
  }
  return html`
    <section class="dreams">
      <h2>Dream</h2>
      <div class="wish">
        <${Field} label="Recipe"><select value=${wanted} onChange=${(event) => setRecipe(event.target.value)}>
          ${recipes.map((name) => html`<option value=${name}>${name}</option>`)}</select><//>
        <${Field} label="Seed"><input type="number" min="0" step="1" class="seed" value=${seed}
            onInput=${(event) => setSeed(Math.max(0, Math.trunc(event.target.valueAsNumber) || 0))} /><//>
        ${
          active
            ? html`<button class="main" onClick=${() => cancel(active)} title="Cancel (x)">Cancel</button>`
            : html`<button class="main" onClick=${() => start(seed)} title="Dream (d)">Dream</button>`
        }
        ${!active && dreams.length > 0 && html`<button onClick=${again}
            title="Again with another seed (a)">Another seed</button>`}
      </div>
      ${dream ? html`<${Looked} dream=${dream} named=${named} />` : html`<p
          class="small soft">A dream starts from noise and is changed, step by step,
          until it excites the unit as strongly as it can.</p>`}
      ${
        dreams.length > 1 &&
        html`
        <div class="shows" role="group" aria-label="Dreams of this unit">
          ${dreams.map(
            (one) => html`
            <button key=${one.id} class=${names("thumb", one.id === dream?.id && "chosen")}
                aria-pressed=${one.id === dream?.id} onClick=${() => pick(one.id)}>
              ${one.image ? html`<img src=${paths.dreamThumb(one)} alt="" />` : html`<span class="hollow"></span>`}
              <span class="small soft">${one.recipe} ${one.seed}${one.phase === "done" ? "" : `, ${one.phase}`}</span>
            </button>`,
          )}
        </div>`
      }
    </section>`;
}

/** One dream: the image as it is now, how far it is, its score so far. */
function Looked({ dream, named }) {
  const running = underWay(dream.phase);
  const image = useImage(dream.image ? paths.dreamImage(dream) : null);
  return html`
    <div class=${names("looked", dream.phase)} data-dream=${dream.id} data-phase=${dream.phase} aria-busy=${running}>
      ${image ? html`<img class="image" src=${image.src}
          alt=${`The dream of ${named}, ${dream.phase}`} />` : html`<div class="hollow">
            ${running && html`<span class="pulse" aria-hidden="true"></span>`}</div>`}
      <div class="told small">
        <p role="status"><b>${WORDS[dream.phase]}</b>${dream.steps ? `: step ${dream.step} of ${dream.steps}` : ""}</p>
        ${running && html`<progress value=${dream.step} max=${dream.steps || 1} aria-label="How far the dream is">
          </progress>`}
        <p>score <b>${figures(dream.score)}</b></p>
        <${Curve} scores=${dream.scores ?? []} />
        <p class="soft">${dream.recipe}, seed ${dream.seed}</p>
        ${dream.saved_to && html`<p class="soft">Saved in ${dream.saved_to}</p>`}
        ${dream.note && html`<p class=${dream.phase === "failed" ? "bad" : "soft"}>${dream.note}</p>`}
        ${
          dream.phase === "done" &&
          html`<div class="deeds">
          ${!dream.saved_to && html`<button onClick=${() => keep(dream)}
              title="Write it into the run's folder">Save</button>`}
          <a class="button" href=${paths.dreamImage(dream)}
              download=${`${named.replace(/[^\w.-]+/g, "-")}-seed-${dream.seed}.png`}>Save PNG</a>
        </div>`
        }
      </div>
    </div>`;
}

const WORDS = {
  queued: "In the queue",
  running: "Dreaming",
  done: "Done",
  cancelled: "Cancelled",
  failed: "Failed",
};

/** The score over the steps. */
function Curve({ scores }) {
  const known = scores.filter(Number.isFinite);
  if (known.length < 2) return html`<svg class="curve" viewBox="0 0 100 32" aria-hidden="true"></svg>`;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const points = scores.map(
    (score, at) => `${(100 * at) / (scores.length - 1)},${30 - (28 * (score - low)) / (high - low || 1)}`,
  );
  return html`<svg class="curve" viewBox="0 0 100 32" preserveAspectRatio="none" role="img"
      aria-label=${`The score rises from ${figures(known[0])} to ${figures(known.at(-1))}`}>
        <polyline points=${points.join(" ")} /></svg>`;
}
