// @ts-check
// The network is changed: which units, what of the page is of the changed network, and how to undo it.
import { html } from "../../lib/html.js";
import { changesText, setFactor, undoChanges } from "../../state/changes.js";
import { anchorTo } from "../../state/routing.js";

/** @typedef {import("../../types.js").View} View */

/**
 * A line above everything while units are changed, with a button for each that undoes it.
 * @param {{ view: View }} props
 */
export function ChangeNotice({ view }) {
  if (!view.changes.length) return null;
  return html`
    <div class="notice change-notice" role="status">
      <b>The network is changed:</b>
      ${view.changes.map(
        (change) => html`
        <span class="change" key=${`${change.layer}:${change.unit}`}>
          <a ...${anchorTo(view, { layer: change.layer, unit: change.unit, compare: [] })}>${changesText([change])}</a>
          <button class="undo" aria-label=${`Undo: ${changesText([change])}`}
              onClick=${() => setFactor(change.layer, change.unit, 1)}>×</button></span>`,
      )}
      <button onClick=${undoChanges} title="Undo all changes of the network (u)">Undo</button>
      <span class="small">Maps, predictions and heatmaps are those of the changed network; dreams, verdicts and the order
        of the strongest images are those of the plain one.</span>
    </div>`;
}

/**
 * The same in a few words, beside what it applies to.
 * @param {{ view: View }} props
 */
export const ChangeTag = ({ view }) =>
  view.changes.length
    ? html`<p class="change-tag small" title="The network is changed">changed network: ${changesText(view.changes)}</p>`
    : null;
