// What is known of a unit in numbers: responses of real images, the verdict's evidence, the classes that excite it.
import { paths } from "../../state/api.js";
import { html } from "../../lib/html.js";
import { figures, percent, plural } from "../../lib/number_format.js";
import { sameForAll } from "../../state/selectors.js";
import { Histogram } from "./histogram.js";
import { Ghost } from "../shared/states.js";

const CLASSES = 8;

/** `most`: the greatest value of the dream that is looked at, measured as the real images are. */
export function Facts({ facts, most }) {
  if (!facts)
    return html`<section class="facts"><${Ghost} kind="chart" /></section><section class="facts">
      <${Ghost} kind="chart" /></section>`;
  const alike = sameForAll(facts) !== null;
  const marks = [
    facts.strongest?.[0] && { kind: "real", name: "strongest real image", value: facts.strongest[0].response },
    Number.isFinite(most) && { kind: "dream", name: "dream", value: most },
  ].filter(Boolean);
  return html`
    <section class="facts">
      ${
        facts.histogram &&
        html`<h2>Real responses</h2>
        <p class="small soft">The greatest value in each image; counts on a logarithmic scale.</p>
        <${Histogram} ...${facts.histogram} marks=${marks} />`
      }
      ${facts.weakest?.length > 0 && !alike && html`<${Weakest} all=${facts.weakest} />`}
    </section>
    <section class="facts">
      ${(facts.statistics || facts.verdict) && html`<h2>Evidence</h2><${Listed} rows=${evidenceOf(facts)} />`}
      ${facts.classes?.length > 0 && !alike && html`<h2>Classes that excite it</h2><${Classes} all=${facts.classes} />`}
    </section>`;
}

/** The numbers of the scan and of the proof, in words. */
function evidenceOf({ statistics, verdict }) {
  const rows = [];
  const add = (name, value) => value !== null && value !== undefined && rows.push([name, value]);
  if (statistics) {
    const { images } = statistics;
    add("real images", plural(images, "image"));
    add("from least to greatest", `${figures(statistics.minimum)} to ${figures(statistics.maximum)}`);
    add("mean, std", `${figures(statistics.mean)}, ${figures(statistics.std)}`);
    if (statistics.minimum >= 0) {
      add("zero at", `${percent(statistics.zero_fraction)} of all places`);
      add("silent in", `${statistics.silent_images} of ${plural(images, "image")}`);
    }
    add("class selectivity", statistics.class_selectivity === null ? null : figures(statistics.class_selectivity));
    add("of its variance between classes", statistics.variance_between_classes === null ? null : percent(statistics.variance_between_classes));
    if (statistics.nonfinite_images) add("without a finite value", plural(statistics.nonfinite_images, "image"));
  }
  const before = verdict?.evidence?.before;
  if (before)
    add(`proved bounds before its ${verdict.evidence.activation}`, `${figures(before[0])} to ${figures(before[1])}`);
  if (verdict) add("proved", verdict.proved ? "yes, for every image" : null);
  return rows;
}

function Classes({ all }) {
  const most = Math.max(...all.map((one) => Math.abs(one.mean)), 1e-12);
  return html`
    <p class="small soft">Mean over the images of a class.</p>
    <ol class="list">
      ${all.slice(0, CLASSES).map(
        (one) => html`
        <li><span><span>${one.name}</span> <b>${figures(one.mean)}</b></span>
          <svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
            <rect class="ground" width="100" height="1" /><rect width=${(100 * Math.max(0, one.mean)) / most}
                height="1" /></svg></li>`,
      )}
    </ol>
    ${all.length > CLASSES && html`<p class="small soft">and ${all.length - CLASSES} more</p>`}`;
}

function Weakest({ all }) {
  return html`<h2>Weakest real images</h2>
    <div class="shows">${all.slice(0, 6).map(
      (one) => html`
      <figure title=${one.name}><img src=${paths.image({ id: one.image }, "thumb")} alt=${one.name} />
        <figcaption class="small soft">${figures(one.response)}</figcaption></figure>`,
    )}</div>`;
}

/** Names and values. */
const Listed = ({ rows }) => html`
  <dl class="listed small">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
