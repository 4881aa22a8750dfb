// @ts-check
// What a view shows while its values are missing, loading, incomplete or failed.
import { html } from "../../lib/html.js";

/** @typedef {import("preact").ComponentChildren} Children */

/**
 * There is nothing to show, and what to do about it.
 * @param {{ title: string, children?: Children }} props
 */
export const Empty = ({ title, children }) => html`
  <div class="state"><h3>${title}</h3><p class="soft">${children}</p></div>`;

/**
 * The values are loading.
 * @param {{ what?: string }} props
 */
export const Loading = ({ what = "Loading" }) => html`
  <div class="state loading" role="status"><span class="pulse" aria-hidden="true"></span><p class="soft">${what} …</p>
    </div>`;

/**
 * The request failed: why, and a way to repeat it.
 * @param {{ error: { message: string } | null, retry?: () => void }} props
 */
export const Failed = ({ error, retry }) => html`
  <div class="state failed" role="alert">
    <h3>Error</h3>
    <p>${error?.message ?? "Unknown error."}</p>
    ${retry && html`<button onClick=${retry}>Try again</button>`}
  </div>`;

/**
 * A gray shape of the size of what is loading.
 * @param {{ kind: "layer" | "line" | "tile" | "chart" }} props
 */
export const Skeleton = ({ kind }) => html`<span class=${`skeleton ${kind}`} aria-hidden="true"></span>`;

/**
 * A progress bar with its text.
 * @param {{ done: number, total: number, children?: Children }} props
 */
export const Progress = ({ done, total, children }) => html`
  <div class="progress small">
    <progress value=${done} max=${Math.max(total, 1)}></progress>
    <span>${children}</span>
  </div>`;
