// What stands where something is empty, on its way, broken, or only partly there.
import { html } from "../../lib/html.js";

/** Nothing here, and what to do about it. */
export const Empty = ({ title, children }) => html`
  <div class="state"><h3>${title}</h3><p class="soft">${children}</p></div>`;

/** On its way. */
export const Loading = ({ what = "Loading" }) => html`
  <div class="state loading" role="status"><span class="pulse" aria-hidden="true"></span><p class="soft">${what} …</p>
    </div>`;

/** It did not come: why, and a way to try again. */
export const Failed = ({ error, again }) => html`
  <div class="state failed" role="alert">
    <h3>That did not work</h3>
    <p>${error?.message ?? String(error)}</p>
    ${again && html`<button onClick=${again}>Try again</button>`}
  </div>`;

/** A gray shape of the size of what will come. */
export const Ghost = ({ kind = "" }) => html`<span class=${`ghost ${kind}`} aria-hidden="true"></span>`;

/** How much is done, with words beside the bar. */
export const Progress = ({ done, total, children }) => html`
  <div class="progress small">
    <progress value=${done} max=${Math.max(total, 1)}></progress>
    <span>${children}</span>
  </div>`;
