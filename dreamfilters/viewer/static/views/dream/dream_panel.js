// @ts-check
// The dreams of a unit: recipe and seed, the image while it changes, and the earlier dreams.
import { html, names, useEffect, useState } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { formatNumber } from "../../lib/number_format.js";
import { cancelDream, prepareDream, saveDream, startDream } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { isClassLayer } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { Field, inputOf } from "../shared/controls.js";
import { useImage } from "./dream_sheet.js";

/** @typedef {import("../../types.js").Dream} Dream */

const PHASES = { queued: "Queued", running: "Running", done: "Done", cancelled: "Cancelled", failed: "Failed" };

/**
 * @param {{ layer: import("../../types.js").Layer, unit: number, name: string, dreams: Dream[], dream: Dream | null,
 *   select: (id: string) => void }} props `dreams`: the newest first; `dream`: the one that is shown
 */
export function DreamPanel({ layer, unit, name, dreams, dream, select }) {
  const recipes = app.use((state) => state.recipes);
  const defaultRecipe = app.use((state) => (isClassLayer(layer) ? state.class_recipe : state.default_recipe));
  const ready = app.use((state) => state.phase === "ready");
  const [chosenRecipe, setRecipe] = useState("");
  const [seed, setSeed] = useState(0);
  const active = dreams.find((each) => isInProgress(each.phase));
  const recipe = chosenRecipe || defaultRecipe;
  useEffect(() => {
    if (ready && layer.dreamable && recipe) prepareDream(layer.id, unit, recipe);
  }, [ready, layer.id, recipe]);
  const start = async (/** @type {number} */ nextSeed) => {
    if (!layer.dreamable || active) return;
    const started = await startDream(layer.id, unit, { recipe, seed: nextSeed });
    if (started) select(started.id);
  };
  const startWithNextSeed = () => {
    const next = Math.max(-1, ...dreams.map((each) => each.seed)) + 1;
    setSeed(next);
    start(next);
  };
  useKeys({ d: () => start(seed), a: startWithNextSeed, x: () => active && cancelDream(active) });
  if (!layer.dreamable) {
    return html`<section class="dreams"><h2>Dream</h2><p class="soft">
      ${layer.name} cannot be dreamed: ${layer.reason ?? "its units have no gradient"}.</p></section>`;
  }
  return html`
    <section class="dreams">
      <h2>Dream</h2>
      <div class="dream-form">
        <${Field} label="Recipe"><select value=${recipe}
            onChange=${(/** @type {Event} */ event) => setRecipe(inputOf(event).value)}>
          ${recipes.map((each) => html`<option value=${each}>${each}</option>`)}</select><//>
        <${Field} label="Seed"><input type="number" min="0" step="1" class="seed" value=${seed}
            onInput=${(/** @type {Event} */ event) => setSeed(seedOf(event))} /><//>
        ${
          active
            ? html`<button class="primary" onClick=${() => cancelDream(active)} title="Cancel (x)">Cancel</button>`
            : html`<button class="primary" onClick=${() => start(seed)} title="Dream (d)">Dream</button>`
        }
        ${
          !active &&
          dreams.length > 0 &&
          html`<button onClick=${startWithNextSeed} title="Dream with another seed (a)">Another seed</button>`
        }
      </div>
      ${
        dream
          ? html`<${CurrentDream} dream=${dream} name=${name} />`
          : html`<p class="small soft">A dream starts from noise. Each step changes the image so that the response of
              the unit increases.</p>`
      }
      ${dreams.length > 1 && html`<${Thumbnails} dreams=${dreams} dream=${dream} select=${select} />`}
    </section>`;
}

/** @param {Event} event */
const seedOf = (event) => Math.max(0, Math.trunc(inputOf(event).valueAsNumber) || 0);

/** @param {{ dreams: Dream[], dream: Dream | null, select: (id: string) => void }} props */
const Thumbnails = ({ dreams, dream, select }) => html`
  <div class="thumbnails" role="group" aria-label="Dreams of this unit">
    ${dreams.map(
      (each) => html`
      <button key=${each.id} class=${names("thumb", each.id === dream?.id && "chosen")}
          aria-pressed=${each.id === dream?.id} onClick=${() => select(each.id)}>
        ${each.image ? html`<img src=${paths.dreamThumb(each)} alt="" />` : html`<span class="placeholder"></span>`}
        <span class="small soft">${each.recipe} ${each.seed}${each.phase === "done" ? "" : `, ${each.phase}`}</span>
      </button>`,
    )}
  </div>`;

/**
 * One dream: its image, its progress and its score so far.
 * @param {{ dream: Dream, name: string }} props
 */
function CurrentDream({ dream, name }) {
  const running = isInProgress(dream.phase);
  const image = useImage(dream.image ? paths.dreamImage(dream) : null);
  const fileName = `${name.replace(/[^\w.-]+/g, "-")}-seed-${dream.seed}.png`;
  return html`
    <div class=${names("current-dream", dream.phase)} data-dream=${dream.id} aria-busy=${running}>
      ${
        image
          ? html`<img class="image" src=${image.src} alt=${`The dream of ${name}, ${dream.phase}`} />`
          : html`<div class="placeholder">${running && html`<span class="pulse" aria-hidden="true"></span>`}</div>`
      }
      <div class="dream-status small">
        <p role="status"><b>${PHASES[dream.phase]}</b>
          ${dream.steps ? `: step ${dream.step} of ${dream.steps}` : ""}</p>
        ${
          running &&
          html`<progress value=${dream.step} max=${dream.steps || 1} aria-label="Progress of the dream"></progress>`
        }
        <p>score <b>${formatNumber(dream.score)}</b></p>
        <${ScoreCurve} scores=${dream.scores} />
        ${dream.prediction && html`<p class=${dream.prediction.is_predicted ? "soft" : "bad"}>${dream.prediction.text}</p>`}
        <p class="soft">${dream.recipe}, seed ${dream.seed}</p>
        ${dream.saved_to && html`<p class="soft">Saved in ${dream.saved_to}</p>`}
        ${dream.note && html`<p class=${dream.phase === "failed" ? "bad" : "soft"}>${dream.note}</p>`}
        ${
          dream.phase === "done" &&
          html`<div class="actions">
          ${!dream.saved_to && html`<button onClick=${() => saveDream(dream)}
              title="Save the dream in a run folder on the server">Save run</button>`}
          <a class="button" href=${paths.dreamImage(dream)} download=${fileName}>Download PNG</a>
        </div>`
        }
      </div>
      ${dream.phase === "done" && dream.appearance && html`<${PriorCheck} dream=${dream} name=${name} />`}
    </div>`;
}

/**
 * What the learned prior of a dream hides.
 * @param {{ dream: Dream, name: string }} props
 */
function PriorCheck({ dream, name }) {
  /** @type {import("../../types.js").Resource<import("../../types.js").PriorCheck>} */
  const check = useResource(paths.priorCheck(dream));
  const lines = check.value?.lines ?? [dream.appearance];
  return html`
    <section class="prior-check small" aria-busy=${check.phase === "loading"}>
      <h3>What the prior hides</h3>
      ${lines.map((line) => html`<p class="soft">${line}</p>`)}
      ${
        check.value
          ? html`<img class="image" src=${paths.priorCheckImage(dream)}
              alt=${`Beside the dream of ${name}: what covering its parts costs, dreams without the prior, other seeds`} />
            <p class="soft">Covered: red parts raise the score, blue ones lower it. What differs between seeds was not
              demanded.</p>`
          : html`<p role="status">${check.error?.message ?? "Making the raw dream and those of other seeds …"}</p>`
      }
    </section>`;
}

/**
 * The score over the steps.
 * @param {{ scores: (number | null)[] }} props
 */
function ScoreCurve({ scores }) {
  const known = scores.flatMap((score) => (Number.isFinite(score) ? [Number(score)] : []));
  if (known.length < 2) return html`<svg class="curve" viewBox="0 0 100 32" aria-hidden="true"></svg>`;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const points = known.map(
    (score, step) => `${(100 * step) / (known.length - 1)},${30 - (28 * (score - low)) / (high - low || 1)}`,
  );
  return html`<svg class="curve" viewBox="0 0 100 32" preserveAspectRatio="none" role="img"
      aria-label=${`Score from ${formatNumber(known[0])} to ${formatNumber(known[known.length - 1])}`}>
        <polyline points=${points.join(" ")} /></svg>`;
}
