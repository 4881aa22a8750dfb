// @ts-check
// Controls that several views use.
import { html, names, useEffect, useRef } from "../../lib/html.js";

/** @typedef {import("preact").ComponentChildren} Children */
/**
 * @template {string} V
 * @typedef {{ label: string, options: Record<V, string>, value: V, onChange: (value: V) => void }} ChoiceProps
 */

/**
 * A few options side by side, one of them pressed.
 * @template {string} V
 * @param {ChoiceProps<V>} props
 */
export const Choice = ({ label, options, value, onChange }) => html`
  <div class="choice" role="group" aria-label=${label}>
    ${Object.entries(options).map(
      ([option, text]) => html`
      <button key=${option} class=${names(option === value && "on")} aria-pressed=${option === value}
          onClick=${() => onChange(/** @type {V} */ (option))}>${text}</button>`,
    )}
  </div>`;

/**
 * Options in a list.
 * @template {string} V
 * @param {ChoiceProps<V>} props
 */
export const Select = ({ label, options, value, onChange }) => html`
  <select aria-label=${label} title=${label} value=${value}
      onChange=${(/** @type {InputEvent} */ event) => onChange(/** @type {V} */ (inputOf(event).value))}>
    ${Object.entries(options).map(([option, text]) => html`<option key=${option} value=${option}>${text}</option>`)}
  </select>`;

/**
 * The text field, number field or list of an event.
 * @param {Event} event
 */
export const inputOf = (event) => /** @type {HTMLInputElement} */ (event.target);

/**
 * A control after its label.
 * @param {{ label: string, children?: Children }} props
 */
export const Field = ({ label, children }) =>
  html`<label class="field"><span class="small soft">${label}</span>${children}</label>`;

/**
 * A modal dialog, which Esc and a press outside close.
 * @param {{ title: string, close: () => void, children?: Children, kind?: string }} props
 */
export function Dialog({ title, close, children, kind = "" }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    box.current?.showModal();
  }, []);
  return html`
    <dialog ref=${box} class=${kind} aria-label=${title} onClose=${close}
        onClick=${(/** @type {Event} */ event) => event.target === box.current && close()}>
      ${children}
    </dialog>`;
}

/**
 * A menu below its summary. Esc, a press outside, a link to another view and, unless it is `sticky`, each of its
 * controls close it.
 * @param {{ summary: Children, children?: Children, kind?: string, sticky?: boolean }} props
 */
export function Menu({ summary, children, kind = "", sticky = false }) {
  const menu = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    /** @param {PointerEvent} event */
    const pressed = (event) => {
      if (menu.current && !menu.current.contains(/** @type {Node} */ (event.target))) menu.current.open = false;
    };
    /** @param {KeyboardEvent} event */
    const escaped = (event) => {
      if (event.key !== "Escape" || !menu.current?.open) return;
      event.preventDefault();
      menu.current.open = false;
      menu.current.querySelector("summary")?.focus();
    };
    addEventListener("pointerdown", pressed);
    addEventListener("keydown", escaped, { capture: true }); // before the page's own keys
    return () => {
      removeEventListener("pointerdown", pressed);
      removeEventListener("keydown", escaped, { capture: true });
    };
  }, []);
  /** @param {Event} event */
  const chosen = (event) => {
    const control = /** @type {Element} */ (event.target).closest("button, a");
    const leaves = control?.getAttribute("href")?.startsWith("#"); // to another view, which the menu would cover
    if (control && menu.current && (!sticky || leaves)) menu.current.open = false;
  };
  return html`
    <details class=${names("menu", kind)} ref=${menu}>
      <summary>${summary}</summary>
      <div onClick=${chosen}>${children}</div>
    </details>`;
}
