// @ts-check
// How far a heatmap can be trusted on its image: the measures of trust, computed when they are wanted.
import { html, useEffect, useState } from "../../lib/html.js";
import { formatNumber } from "../../lib/number_format.js";
import { cancelTrust } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { trustKey, trustText } from "../../state/explanations.js";
import { useResource } from "../../state/resources.js";
import { app, explanation } from "../../state/store.js";
import { Progress } from "../shared/states.js";

/** @typedef {import("../../types.js").HeatmapTrust} HeatmapTrust */
/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../types.js").NoExplanation} NoExplanation */
/** @typedef {import("../../types.js").UnitRef} UnitRef */

const COSTS = "Deletes and inserts pixels, changes the image slightly and replaces weights by random ones: about 200 passes of the network and ten more heatmaps";

/** @param {{ target: UnitRef, image: ImageInfo, method: string, against: number | null, ready: boolean }} props */
export function TrustView({ target, image, method, against, ready }) {
  const [wanted, setWanted] = useState(false);
  const seconds = explanation.use((state) => state.seconds[method]);
  const progress = app.use((state) => state.trust[trustKey(target, image, method, against)]);
  const address = wanted && ready ? paths.trust(target, image, method, against) : null;
  /** @type {import("../../types.js").Resource<HeatmapTrust | NoExplanation>} */
  const { value, error } = useResource(address);
  const took = value?.reason === null ? value.seconds : undefined;
  useEffect(() => {
    if (took !== undefined) explanation.set({ seconds: { ...explanation.get().seconds, [method]: took } });
  }, [took]);
  if (!wanted) {
    return html`<button class="ask-trust" title=${COSTS} onClick=${() => setWanted(true)}>
      Can it be trusted?${seconds !== undefined && html` <span class="soft">about ${secondsText(seconds)}</span>`}</button>`;
  }
  const reason = error?.message ?? value?.reason;
  if (reason) return html`<p class="small bad" role="alert">${reason}</p>`;
  if (value?.reason !== null) {
    const cancel = () => {
      setWanted(false);
      cancelTrust(target, image, method, against);
    };
    return html`<${Progress} done=${progress?.share ?? 0} total=${1}>${progress?.note ?? "waiting"}<//>
      <button class="cancel-trust" onClick=${cancel}>Cancel</button>`;
  }
  return html`<${Found} found=${value} />`;
}

/** @param {{ found: HeatmapTrust }} props */
const Found = ({ found: { flags, measures, seconds } }) => html`
  <div class="heatmap-trust small">
    <p class=${flags.length ? "bad" : ""}>${trustText(flags, measures)}</p>
    <table class="forms"><thead><tr><th scope="col">measure</th><th scope="col" class="number">value</th>
        <th scope="col" class="number" title="The same heatmap at another place; for the measures that have no such value, random values">control</th></tr></thead>
      <tbody>${measures.map(
        ({ name, meaning, better, value, by_chance, control }) => html`
        <tr key=${name} title=${`${meaning} ${better === "lower" ? "Lower" : "Higher"} is better.`}>
          <th scope="row">${name} <span aria-label=${`${better} is better`}>${better === "lower" ? "↓" : "↑"}</span></th>
          <td class="number">${formatNumber(value, 2)}</td><td class="number soft">${formatNumber(by_chance ?? control, 2)}</td></tr>`,
      )}</tbody></table>
    <p class="soft">On this image alone; it took ${secondsText(seconds)}.</p>
  </div>`;

/** @param {number} seconds */
const secondsText = (seconds) => (seconds < 1 ? "less than 1 s" : `${Math.round(seconds)} s`);
