// @ts-check
// The keyboard shortcuts.
import { html } from "../lib/html.js";
import { Dialog } from "./shared/controls.js";

/** @type {[string, [string, string][]][]} */
export const SHORTCUTS = [
  [
    "Everywhere",
    [
      ["/", "search layers, units, classes and images"],
      ["?", "show these shortcuts"],
      ["[ ]", "previous layer, next layer"],
      [", .", "previous image, next image"],
      ["n", "network graph"],
      ["e", "mistakes of the network"],
      ["i", "map of the images"],
      ["w", "techniques that start from an image, a unit or a layer"],
      ["c", "compare the pinned units"],
      ["f", "freeze or resume the webcam"],
      ["u", "undo all changes of the network"],
      ["0", "crop images of another shape, or stretch them"],
      ["r", "release the frozen unit"],
      ["t", "switch between light and dark"],
      ["y", "copy the link to this view"],
      ["Esc", "close, or go one level up"],
    ],
  ],
  [
    "Units of a layer",
    [
      ["← ↓ ↑ →  h j k l", "move"],
      ["Shift ← ↓ ↑ →  H J K L", "move fast"],
      ["PgUp PgDn Home End", "move by a page, to the first, to the last"],
      ["Enter", "open the unit"],
      ["d", "dream the unit"],
      ["p", "pin the unit for comparison"],
      ["v", "show maps, dreams or both"],
      ["s", "one scale for the layer, or one for each unit"],
      ["o", "next sort order"],
      ["m", "next colormap"],
      ["g", "boost small values: colors by the square root"],
      ["z", "ablate the unit, or undo it"],
      ["+ −", "larger tiles, smaller tiles"],
    ],
  ],
  [
    "Map of the images",
    [
      ["← ↓ ↑ →", "next image in a direction"],
      ["Enter", "open the image"],
      ["+ −  0", "zoom, whole map"],
    ],
  ],
  [
    "A unit",
    [
      ["← →  h l", "previous unit, next unit"],
      ["Shift ← →  H L", "ten units back, ten units on"],
      ["m", "next colormap"],
      ["g", "boost small values: colors by the square root"],
      ["b", "next backward pass: gradient, deconvnet, ..."],
      ["k", "next filter of the backward pass"],
      ["r", "freeze the unit, or release it"],
      ["z", "ablate the unit, or undo it"],
      ["+ −", "boost the unit, weaken it"],
      ["d", "dream the unit"],
      ["a", "dream with another seed"],
      ["x", "cancel the dream"],
      ["p", "pin the unit for comparison"],
    ],
  ],
];

/** @param {string} keys */
const keyCaps = (keys) =>
  keys
    .split(" ")
    .filter(Boolean)
    .map((key) => html`<kbd>${key}</kbd> `);

/** @param {{ close: () => void }} props */
export const Help = ({ close }) => html`
  <${Dialog} title="Keyboard shortcuts" close=${close} kind="help">
    <h2>Keyboard shortcuts</h2>
    <div class="keys">
      ${SHORTCUTS.map(
        ([where, rows]) => html`
        <section><h3>${where}</h3>
          <dl>${rows.map(([keys, meaning]) => html`<dt>${keyCaps(keys)}</dt><dd>${meaning}</dd>`)}</dl>
        </section>`,
      )}
    </div>
    <p class="small soft">Shift-click an image to show it beside the others; Shift-click a unit to pin it.
      The rectangle on the image is the receptive field of the map position under the pointer.</p>
    <button onClick=${close}>Close</button>
  <//>`;
