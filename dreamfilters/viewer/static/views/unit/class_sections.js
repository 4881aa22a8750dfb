// @ts-check
// What a class has that other units have not: its images, the classes it is confused with, the units that carry it.
import { html } from "../../lib/html.js";
import { formatNumber, formatPercent, plural } from "../../lib/number_format.js";
import { showImageOf } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { isClassLayer, unitName } from "../../state/network_index.js";
import { useResource } from "../../state/resources.js";
import { anchorTo } from "../../state/routing.js";
import { Mistake, ShareBar } from "../images/marked_image.js";
import { Skeleton } from "../shared/states.js";
import { UnitThumb } from "../shared/unit_thumb.js";

/** @typedef {import("../../types.js").ClassSummary} ClassSummary */
/** @typedef {import("../../types.js").ClassUnits} ClassUnits */
/** @typedef {Pick<import("../../types.js").ViewProps, "view" | "net" | "ready"> & { number: number }} ClassProps */

/** @param {ClassProps} props */
export function ClassSections(props) {
  const { number, ready } = props;
  /** @type {import("../../types.js").Resource<ClassSummary>} */
  const { value } = useResource(ready ? paths.classSummary(number) : null);
  if (!value) return html`<${Skeleton} kind="line" />`;
  if (!value.count) return null;
  return html`
    <section class="class-images"><h2>Images of this class</h2>
      <p class="small soft">${plural(value.count, "image")}${
        value.right === null ? "" : `, of which ${value.right} (${formatPercent(value.right / value.count)}) are predicted as it`
      }${value.count > value.images.length ? `; the first ${value.images.length} are shown` : ""}.</p>
      <div class="evaluated">${value.images.map(
        ({ image, name, mistake }) => html`
        <button key=${image} class="thumb" title=${name} onClick=${() => showImageOf(image)}>
          <span class="frame"><img src=${paths.image({ id: image }, "thumb")} alt=${name} width="56" height="56" loading="lazy" />
          <${Mistake} name=${mistake} /></span></button>`,
      )}</div></section>
    <div class="columns">
      <${Confused} ...${props} summary=${value} />
      <${CarryingUnits} ...${props} />
    </div>`;
}

/** @param {ClassProps & { summary: ClassSummary }} props */
function Confused({ view, net, number, summary }) {
  const layer = net.layers.find(isClassLayer);
  const nothing = summary.right === null ? "Known once the images are scanned." : "No image is confused with another class.";
  return html`
    <section><h2>Confused with</h2>
      ${!summary.confused.length && html`<p class="small soft">${nothing}</p>`}
      <ul class="confused small">${summary.confused.map(({ number: other, predicted_as: out, predicted_from: into }) => {
        const name = other < 0 ? "no class" : net.classes[other];
        return html`<li key=${other}>
          ${layer && other >= 0 && html`<${UnitThumb} layer=${layer} unit=${other} />`}
          <span>${layer && other >= 0 ? html`<a ...${anchorTo(view, { layer: layer.name, unit: other, compare: [] })}>${name}</a>` : name}
          <span class="soft">
            ${out > 0 && html`<a ...${anchorTo(view, { page: "errors", cell: [number, other] })}>${plural(out, "image")} predicted as it</a>`}
            ${out > 0 && into > 0 && ", "}
            ${into > 0 && html`<a ...${anchorTo(view, { page: "errors", cell: [other, number] })}>${plural(into, "image")} of it predicted as this class</a>`}
          </span></span></li>`;
      })}</ul></section>`;
}

/** @param {ClassProps} props */
function CarryingUnits({ view, net, number, ready }) {
  /** @type {import("../../types.js").Resource<ClassUnits>} */
  const { value, error } = useResource(ready ? paths.classUnits(number) : null);
  const reason = error?.message ?? value?.reason;
  if (reason) return html`<section><h2>Units that carry it</h2><p class="small soft">${reason}</p></section>`;
  if (value?.reason !== null) return html`<section><h2>Units that carry it</h2><${Skeleton} kind="line" /></section>`;
  const layer = net.byId.get(value.layer);
  if (!layer) return null;
  const largest = Math.max(...value.units.map(({ contribution }) => Math.abs(contribution)), 1e-12);
  const what = value.against === null ? "logit" : `margin over ${net.classes[value.against]}`;
  return html`
    <section><h2>Units that carry it</h2>
      <p class="small soft">Mean contribution to the ${what} on ${plural(value.images, "image")}; all${" "}
        ${plural(value.count, "unit")} of ${layer.name} add up to ${formatNumber(value.total)} of ${formatNumber(value.logit)}.</p>
      <ol class="class-list logit-units">${value.units.map(
        ({ unit, contribution }) => html`
        <li key=${unit}><span><a class="unit-link" ...${anchorTo(view, { layer: layer.name, unit, compare: [] })}>
          <${UnitThumb} layer=${layer} unit=${unit} />${unitName(net, layer, unit)}</a><b>${formatNumber(contribution)}</b></span>
          <${ShareBar} fraction=${Math.abs(contribution) / largest} /></li>`,
      )}</ol></section>`;
}
