// @ts-check
// Keyboard shortcuts: each view registers its own, and the newest view that has a key handles it.
import { useEffect, useRef } from "./html.js";

/** @typedef {import("../types.js").KeyHandlers} KeyHandlers */

/** @type {{ current: KeyHandlers }[]} */
const stack = [];

/**
 * Register handlers by `event.key`, and return what removes them.
 * @param {{ current: KeyHandlers }} handlers
 * @returns {() => void}
 */
export function registerKeys(handlers) {
  stack.push(handlers);
  return () => {
    stack.splice(stack.indexOf(handlers), 1);
  };
}

/**
 * Handle keys while a view is mounted.
 * @param {KeyHandlers} handlers
 */
export function useKeys(handlers) {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => registerKeys(latest), []);
}

const TEXT_FIELDS = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select";

/**
 * Call the handler of a key. Text fields, activated controls and open dialogs receive their own keys.
 * @param {KeyboardEvent} event
 */
export function handleKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  const target = /** @type {Element} */ (event.target);
  if (target.matches(TEXT_FIELDS)) return;
  if (["Enter", " "].includes(event.key) && target.matches("button, a, summary")) return;
  if (document.querySelector("dialog[open]")) return;
  const handlers = stack.findLast(({ current }) => Object.hasOwn(current, event.key));
  if (!handlers) return;
  event.preventDefault();
  handlers.current[event.key](event);
}
