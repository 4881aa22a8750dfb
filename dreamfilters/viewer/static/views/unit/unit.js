// One unit: its dream beside the image and the strongest real images, every map on one scale; the verdict; the numbers.
import { paths, post } from "../../state/api.js";
import { attempt, copy, pin } from "../../state/actions.js";
import { saveUnit } from "../shared/png_export.js";
import { html } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { unitName } from "../../state/network_index.js";
import { plural } from "../../lib/number_format.js";
import { refresh, useResource } from "../../state/resources.js";
import { go, linkTo } from "../../state/routing.js";
import { app, say } from "../../state/store.js";
import { underWay } from "../../state/selectors.js";
import { Dreams } from "../dream/dream_panel.js";
import { Facts } from "./facts.js";
import { parted } from "../network/layer_list.js";
import { Measures } from "./measures.js";
import { Sights, mostOf } from "./unit_views.js";
import { Empty, Failed, Ghost } from "../shared/states.js";

/** The whole page of a unit. */
export function Unit({ view, net, layer, unit, images, ready }) {
  const told = useResource(ready ? paths.unit(layer.id, unit) : null);
  const { dreams, dream } = useDreamsOf(layer, unit, told.value);
  const dreamMap = useResource(ready && dream?.phase === "done" ? paths.dreamMap(dream) : null).value;
  const step = (by) => go({ unit: (unit + by + layer.units) % layer.units });
  useKeys({
    ArrowLeft: () => step(-1),
    h: () => step(-1),
    ArrowRight: () => step(1),
    l: () => step(1),
    p: () => pin(layer.name, unit),
  });
  if (unit >= layer.units) {
    return html`<${Empty} title=${`${layer.name}:${unit} is not there`}>
      ${layer.name} has ${plural(layer.units, "unit")}, 0 to ${layer.units - 1}. <a
          href=${linkTo(view, { unit: null })}>Show them</a><//>`;
  }
  if (told.phase === "failed" && !told.value) {
    return html`<${Failed} error=${told.error}
        again=${() => refresh((address) => address === paths.unit(layer.id, unit))} />`;
  }
  const facts = told.value;
  const named = unitName(net, layer, unit);
  return html`
    <article class="unit" data-unit=${`${layer.name}:${unit}`} data-ready=${facts ? "yes" : null}>
      <${Head} view=${view} layer=${layer} unit=${unit} named=${named} facts=${facts} step=${step} images=${images}
          dream=${dream} />
      <${Sights} view=${view} layer=${layer} unit=${unit} facts=${facts} dream=${dream} dreamMap=${dreamMap}
          images=${images} ready=${ready} named=${named} />
      <div class="columns">
        <${Facts} facts=${facts} most=${mostOf(dreamMap)} />
        <${Measures} dream=${dream} dreams=${dreams} layer=${layer} />
      </div>
    </article>`;
}

/** Dreaming the unit, beside its page. */
export function UnitAside({ net, layer, unit, ready }) {
  const told = useResource(ready ? paths.unit(layer.id, unit) : null);
  const { dreams, dream } = useDreamsOf(layer, unit, told.value);
  const pick = (id) => app.set({ picked: id });
  return html`<${Dreams} layer=${layer} unit=${unit} named=${unitName(net, layer, unit)} dreams=${dreams}
      dream=${dream} pick=${pick} />`;
}

/** The dreams of a unit, the newest first, with the latest news of each; and the one that is looked at. */
function useDreamsOf(layer, unit, facts) {
  const live = app.use((state) => state.dreams);
  const found = new Map((facts?.dreams ?? []).map((dream) => [dream.id, dream]));
  for (const dream of Object.values(live))
    if (dream.layer === layer.id && dream.unit === unit) found.set(dream.id, dream);
  const dreams = [...found.values()].sort((a, b) => Number(b.id.slice(1)) - Number(a.id.slice(1)));
  const picked = app.use((state) => state.picked);
  const dream =
    dreams.find((one) => one.id === picked) ??
    dreams.find((one) => underWay(one.phase)) ??
    dreams.find((one) => one.phase === "done") ??
    dreams[0] ??
    null;
  return { dreams, dream };
}

function Head({ view, layer, unit, named, facts, step, images, dream }) {
  const verdict = facts?.verdict;
  const phase = app.use((state) => state.evidence.phase);
  const target = facts?.target ?? `${layer.name}:${unit}`;
  return html`
    <header class="head">
      <div>
        <p class="small soft"><a href=${linkTo(view, { unit: null })} onClick=${up}>${layer.name}
          </a> · ${plural(layer.units, "unit")}</p>
        <h1>${parted(named)}</h1>
        <p class="verdict">${
          verdict?.kind
            ? html`<span class=${`tag ${verdict.kind.replace(" ", "-")}`}>${verdict.kind}
              </span> <span class="small soft">${verdict.sentence ?? ""}</span>`
            : html`<span class="small soft">
              ${facts ? unjudged(layer, phase) : html`<${Ghost} kind="line" />`}</span>`
        }</p>
      </div>
      <div class="deeds">
        <button onClick=${() => step(-1)} aria-label="The unit before" title="The unit before (←)">←</button>
        <button onClick=${() => step(1)} aria-label="The next unit" title="The next unit (→)">→</button>
        <button onClick=${() => pin(layer.name, unit)} title="Pin it, to compare (p)">Pin</button>
        <${More} layer=${layer} unit=${unit} facts=${facts} target=${target} dream=${dream}
            save=${() => saveUnit({ view, layer, unit, named, facts, images, dream })} />
      </div>
    </header>`;
}

// Why there is no verdict.
function unjudged(layer, phase) {
  if (underWay(phase)) return "No verdict yet: the images are still being looked through.";
  if (phase !== "ready") return "";
  if (layer.type === "Classes") return "No verdict: a class is above or below the others, never dead by itself.";
  return "No verdict: what this layer hands on or is yet to be bent is judged in another layer.";
}

const up = (event) => {
  if (event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  go({ unit: null });
};

function More({ layer, unit, facts, target, dream, save }) {
  const words = dream?.command ? dream : facts; // how what is seen is dreamt again
  const report = () =>
    attempt(async () => {
      say("Writing the report …");
      const { address } = await post("api/report", { layer: layer.id, units: [unit] });
      say("The report is ready.");
      location.assign(address);
    });
  const close = (deed) => (event) => {
    event.currentTarget.closest("details").open = false;
    deed?.();
  };
  return html`
    <details class="menu">
      <summary>Take away</summary>
      <div>
        <button onClick=${close(() => copy(location.href, "the link"))}>Copy the link</button>
        ${words?.command && html`<button onClick=${close(() => copy(words.command, "the command"))}
            title=${words.command}>Copy the command line</button>`}
        ${words?.python && html`<button onClick=${close(() => copy(words.python, "the Python"))}
            title=${words.python}>Copy the Python</button>`}
        <button onClick=${close(save)}>This view as PNG</button>
        <a class="button" href=${paths.unitFile(layer.id, unit)} download=${`${target.replace(/[^\w.-]+/g, "-")}.json`}
            onClick=${close()}>The unit as JSON</a>
        <button onClick=${close(report)}>The offline report</button>
      </div>
    </details>`;
}
