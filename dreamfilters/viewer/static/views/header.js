// The line at the top: what is open, the search, the dreams under way, and the page's own switches.
import { cancel, compare, copy, turnTheme } from "../state/actions.js";
import { html } from "../lib/html.js";
import { indexed, unitName } from "../state/network_index.js";
import { go, linkTo } from "../state/routing.js";
import { app } from "../state/store.js";
import { Search } from "./search.js";

/** The header. */
export function Header({ view, net, state, help }) {
  return html`
    <header class="top">
      <a class="skip" href="#main" onClick=${(event) => {
        event.preventDefault();
        document.querySelector(".units, #main a, #main button")?.focus();
      }}>Skip to the units</a>
      <a class="brand" href=${linkTo(view, { layer: null, unit: null, compare: [] })} onClick=${(event) => {
        event.preventDefault();
        go({ layer: null, unit: null, compare: [] });
      }} title="The network's drawing (n)"><b>${state.network?.name ?? "dreamfilters"}</b></a>
      <${Search} view=${view} net=${net} images=${state.images} />
      <div class="switches">
        <${Queue} view=${view} dreams=${state.dreams} />
        ${state.pinned.length > 0 && html`<button onClick=${compare} title="Compare (c)">Compare ${state.pinned.length}
          </button>`}
        <${Share} state=${state} />
        <button onClick=${turnTheme} title="Light or dark (t)" aria-label="Light or dark">◐</button>
        <button onClick=${help} title="Keys (?)" aria-label="Keys">?</button>
      </div>
    </header>`;
}

function Share({ state }) {
  const close = (text, what) => (event) => {
    event.currentTarget.closest("details").open = false;
    copy(text, what);
  };
  return html`
    <details class="menu">
      <summary>Copy</summary>
      <div>
        <button onClick=${close(location.href, "the link")}>Link to this view</button>
        ${state.command && html`<button onClick=${close(state.command, "the command")}
            title=${state.command}>Command line</button>`}
        ${state.python && html`<button onClick=${close(state.python, "the Python")}
            title=${state.python}>Python</button>`}
      </div>
    </details>`;
}

/** The dreams that are queued or run. */
function Queue({ view, dreams }) {
  const net = indexed(app.use((values) => values.network));
  const busy = Object.values(dreams).filter((one) => ["running", "queued"].includes(one.phase));
  if (!busy.length) return null;
  const first = busy.find((one) => one.phase === "running") ?? busy[0];
  return html`
    <details class="menu queue">
      <summary><span class="pulse" aria-hidden="true"></span>${busy.length} ${busy.length === 1 ? "dream" : "dreams"}
        <progress value=${first.step} max=${first.steps || 1} aria-label="How far the first one is"></progress>
          </summary>
      <div>
        ${busy.slice(0, 12).map((one) => {
          const layer = net.byId.get(one.layer);
          return html`
            <p class="small" key=${one.id}>
              <a href=${layer && linkTo(view, { layer: layer.name, unit: one.unit, compare: [] })}>
                ${layer ? unitName(net, layer, one.unit) : one.name}</a>
              <span class="soft">${one.phase === "running" ? `${one.step} of ${one.steps}` : "queued"}</span>
              <button onClick=${() => cancel(one)}>Cancel</button>
            </p>`;
        })}
        ${busy.length > 12 && html`<p class="small soft">and ${busy.length - 12} more</p>`}
        ${busy.length > 1 && html`<button onClick=${() => [...busy].reverse().forEach(cancel)}>Cancel all</button>`}
      </div>
    </details>`;
}
