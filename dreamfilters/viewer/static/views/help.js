// The keys, and how to read the page.
import { html } from "../lib/html.js";
import { KEYS } from "../lib/keys.js";
import { Dialog } from "./shared/controls.js";

/** The window with the keys. */
export const Help = ({ close }) => html`
  <${Dialog} title="Keys" close=${close} kind="help">
    <h2>Keys</h2>
    <div class="keys">
      ${KEYS.map(
        ([where, rows]) => html`
        <section><h3>${where}</h3>
          <dl>${rows.map(
            ([keys, words]) =>
              html`<dt>${keys
                .split(" ")
                .filter(Boolean)
                .map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${words}</dd>`,
          )}</dl>
        </section>`,
      )}
    </div>
    <p class="small soft">Shift and a press: on an image, show it beside the others; on a unit, pin it.
      A square on the image is what the place under the pointer sees.</p>
    <button onClick=${close}>Close</button>
  <//>`;
