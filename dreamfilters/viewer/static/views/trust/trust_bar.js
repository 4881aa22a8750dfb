// @ts-check
// The line below the header: the input form, where it comes from, the accuracy on labeled images, the search.
import { html, names, useState } from "../../lib/html.js";
import { startFormSearch } from "../../state/actions.js";
import { accuracyText, isDoubtful, originText, searchButtonText } from "../../state/trust.js";
import { FormSearchDialog } from "./form_search_dialog.js";

/** @param {{ state: import("../../types.js").AppState }} props */
export function TrustBar({ state }) {
  const { network, accuracy, form_search: search } = state;
  const [open, setOpen] = useState(false);
  if (!network) return null;
  const { form } = network;
  const button = searchButtonText(search);
  const show = () => {
    setOpen(true);
    if (search.phase !== "running" && search.phase !== "done") startFormSearch();
  };
  return html`
    <section class=${names("trust small", isDoubtful(state) && "doubtful")} aria-label="Input form and accuracy">
      <p><span class="soft">input form</span> <b>${form.text}</b>${" "}
        <span class=${names(form.source === "assumed" && "doubt")} title=${form.origin}>
          ${originText({ network, form_search: search })}</span></p>
      <p class=${names("accuracy", accuracy?.poor && "doubt")}>${accuracyText(state)}${accuracy?.poor && html`: <b>poor</b>`}</p>
      ${button && html`<button onClick=${show} aria-haspopup="dialog">${button}</button>`}
    </section>
    ${open && html`<${FormSearchDialog} search=${search} network=${network} close=${() => setOpen(false)} />`}`;
}
