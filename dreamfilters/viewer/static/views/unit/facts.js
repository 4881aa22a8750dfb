// @ts-check
// A unit in numbers: its responses to images, the evidence for its verdict, the classes with the strongest response.
import { html } from "../../lib/html.js";
import { formatNumber, formatPercent, plural } from "../../lib/number_format.js";
import { paths } from "../../state/api.js";
import { constantResponse } from "../../state/selectors.js";
import { Mistake, ShareBar } from "../images/marked_image.js";
import { Skeleton } from "../shared/states.js";
import { Histogram } from "./histogram.js";

/** @typedef {import("../../types.js").ClassMean} ClassMean */
/** @typedef {import("../../types.js").RankedImage} RankedImage */
/** @typedef {import("../../types.js").UnitFacts} UnitFacts */
/** @typedef {[string, string]} Row */

const MOST_CLASSES = 8;
const MOST_WEAKEST = 6;

/** @param {{ facts: UnitFacts | undefined, dreamResponse: number | null }} props */
export function Facts({ facts, dreamResponse }) {
  if (!facts) {
    const skeleton = html`<section class="facts"><${Skeleton} kind="chart" /></section>`;
    return html`${skeleton}${skeleton}`;
  }
  const constant = constantResponse(facts) !== null;
  const strongest = facts.strongest?.[0];
  const marks = [
    ...(strongest ? [{ kind: "real", name: "strongest image", value: strongest.response }] : []),
    ...(dreamResponse === null ? [] : [{ kind: "dream", name: "dream", value: dreamResponse }]),
  ];
  return html`
    <section class="facts">
      ${
        facts.histogram &&
        html`<h2>Responses to images</h2>
        <p class="small soft">The maximum of the unit's values for each image; counts on a logarithmic scale.</p>
        <${Histogram} ...${facts.histogram} marks=${marks} />`
      }
      ${facts.weakest && facts.weakest.length > 0 && !constant && html`<${WeakestImages} all=${facts.weakest} />`}
    </section>
    <section class="facts">
      ${(facts.statistics || facts.verdict) && html`<h2>Evidence</h2><${FactList} rows=${evidenceRows(facts)} />`}
      ${facts.classes && facts.classes.length > 0 && !constant && html`<${Classes} all=${facts.classes} />`}
    </section>`;
}

/** @param {UnitFacts} facts @returns {Row[]} */
function evidenceRows({ statistics, verdict }) {
  return [...(statistics ? statisticsRows(statistics) : []), ...(verdict ? proofRows(verdict) : [])];
}

/** @param {import("../../types.js").UnitStatistics} statistics @returns {Row[]} */
function statisticsRows(statistics) {
  const { images, minimum, maximum, mean, std } = statistics;
  const { class_selectivity: selectivity, variance_between_classes: variance } = statistics;
  /** @type {(Row | false)[]} */
  const rows = [
    ["scanned", plural(images, "image")],
    ["range", `${formatNumber(minimum)} to ${formatNumber(maximum)}`],
    ["mean, std", `${formatNumber(mean)}, ${formatNumber(std)}`],
    minimum >= 0 && ["zero at", `${formatPercent(statistics.zero_fraction)} of all positions`],
    minimum >= 0 && ["zero everywhere in", `${statistics.silent_images} of ${plural(images, "image")}`],
    selectivity !== null && ["class selectivity", formatNumber(selectivity)],
    variance !== null && ["variance between classes", formatPercent(variance)],
    statistics.nonfinite_images > 0 && ["no finite value in", plural(statistics.nonfinite_images, "image")],
  ];
  return rows.flatMap((row) => (row ? [row] : []));
}

/** @param {import("../../types.js").UnitVerdict} verdict @returns {Row[]} */
function proofRows({ evidence, proved }) {
  const { before, activation } = evidence;
  /** @type {Row[]} */
  const bounds = before
    ? [[`proved range before ${activation}`, `${formatNumber(before[0])} to ${formatNumber(before[1])}`]]
    : [];
  return proved ? [...bounds, ["proved", "yes, for every input"]] : bounds;
}

/** @param {{ all: ClassMean[] }} props */
function Classes({ all }) {
  const largest = Math.max(...all.map(({ mean }) => Math.abs(mean)), 1e-12);
  return html`
    <h2>Strongest classes</h2>
    <p class="small soft">Mean response to the images of each class.</p>
    <ol class="class-list">
      ${all.slice(0, MOST_CLASSES).map(
        ({ name, mean }) => html`
        <li><span><span>${name}</span> <b>${formatNumber(mean)}</b></span>
          <${ShareBar} fraction=${mean / largest} /></li>`,
      )}
    </ol>
    ${all.length > MOST_CLASSES && html`<p class="small soft">and ${all.length - MOST_CLASSES} more</p>`}`;
}

/** @param {{ all: RankedImage[] }} props */
const WeakestImages = ({ all }) => html`
  <h2>Weakest images</h2>
  <div class="thumbnails">${all.slice(0, MOST_WEAKEST).map(
    ({ image: id, name, mistake, response }) => html`
    <figure title=${name}><div class="frame"><img src=${paths.image({ id }, "thumb")} alt=${name} />
      <${Mistake} name=${mistake} /></div>
      <figcaption class="small soft">${formatNumber(response)}</figcaption></figure>`,
  )}</div>`;

/** @param {{ rows: Row[] }} props */
const FactList = ({ rows }) => html`
  <dl class="fact-list small">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
