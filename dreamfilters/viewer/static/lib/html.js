// Preact and htm under one name: what every view is written with.
import { h, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { render };
export * from "../vendor/hooks.js";
export const html = htm.bind(h);

/** Join class names, without those that are false. */
export const names = (...all) => all.filter(Boolean).join(" ");
