// Small controls that several views use.
import { html, names, useEffect, useRef } from "../../lib/html.js";

/** A few choices side by side, one of them pressed: `options` {value: text}. */
export const Choice = ({ label, options, value, onChange }) => html`
  <div class="choice" role="group" aria-label=${label}>
    ${Object.entries(options).map(
      ([one, text]) => html`
      <button key=${one} class=${names(one === value && "on")} aria-pressed=${one === value}
          onClick=${() => onChange(one)}>${text}</button>`,
    )}
  </div>`;

/** A choice from a list: `options` {value: text}. */
export const Select = ({ label, options, value, onChange }) => html`
  <select aria-label=${label} title=${label} value=${value} onChange=${(event) => onChange(event.target.value)}>
    ${Object.entries(options).map(([one, text]) => html`<option key=${one} value=${one}>${text}</option>`)}
  </select>`;

/** A control with its name before it. */
export const Field = ({ label, children }) =>
  html`<label class="field"><span class="small soft">${label}</span>${children}</label>`;

/** A window over the page, which Esc and a press beside it close. */
export function Dialog({ title, close, children, kind = "" }) {
  const box = useRef();
  useEffect(() => {
    box.current.showModal();
  }, []);
  return html`
    <dialog ref=${box} class=${kind} aria-label=${title} onClose=${close}
        onClick=${(event) => event.target === box.current && close()}>
      ${children}
    </dialog>`;
}
