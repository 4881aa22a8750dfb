// @ts-check
// The header: the network, the search, the dreams in progress, and the page's own controls.
import { html, names } from "../lib/html.js";
import { toggleTheme } from "../lib/theme_colors.js";
import { cancelDream, comparePinned, copyText } from "../state/actions.js";
import { unitName } from "../state/network_index.js";
import { anchorTo } from "../state/routing.js";
import { isInProgress } from "../state/selectors.js";
import { WorkMenu } from "./jobs/work_menu.js";
import { Menu } from "./shared/controls.js";
import { Search } from "./search.js";

/** @typedef {import("../types.js").AppState} AppState */
/** @typedef {import("../types.js").Dream} Dream */
/** @typedef {import("../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../types.js").View} View */

const MOST_LISTED = 12; // dreams in progress

/** @param {{ view: View, net: NetworkIndex, state: AppState, showHelp: () => void }} props */
export function Header({ view, net, state, showHelp }) {
  return html`
    <header class="top">
      <a class="skip" href="#main" onClick=${focusMain}>Skip to the units</a>
      <a class="brand" title="Network graph (n)" ...${anchorTo(view, { layer: null, unit: null, compare: [] })}>
        <b>${state.network?.name ?? "dreamfilters"}</b></a>
      <${Search} view=${view} net=${net} images=${state.images} />
      <div class="switches">
        <a class=${names("button wide-only", view.page === "errors" && "on")} title="Mistakes of the network (e)"
            ...${anchorTo(view, { layer: null, unit: null, compare: [], page: "errors" })}>Mistakes</a>
        <a class=${names("button wide-only", view.page === "embedding" && "on")} title="Map of the images (i)"
            ...${anchorTo(view, { layer: null, unit: null, compare: [], page: "embedding" })}>Map</a>
        <a class=${names("button wide-only", view.page === "techniques" && "on")} title="Techniques that start from an image, a unit or a layer (w)"
            ...${anchorTo(view, { page: "techniques", compare: [], cell: null })}>Techniques</a>
        <${WorkMenu} view=${view} state=${state} />
        <${Queue} view=${view} net=${net} dreams=${Object.values(state.dreams)} />
        ${
          state.pinned.length > 0 &&
          html`<button onClick=${comparePinned} title="Compare the pinned units (c)">Compare ${state.pinned.length}
          </button>`
        }
        <${CopyMenu} state=${state} />
        <button onClick=${toggleTheme} title="Switch between light and dark (t)"
            aria-label="Switch between light and dark">◐</button>
        <button onClick=${showHelp} title="Keyboard shortcuts (?)" aria-label="Keyboard shortcuts">?</button>
      </div>
    </header>`;
}

/** @param {Event} event */
function focusMain(event) {
  event.preventDefault();
  /** @type {HTMLElement | null} */ (document.querySelector(".units, #main a, #main button"))?.focus();
}

/** @param {{ state: AppState }} props */
const CopyMenu = ({ state: { command, python } }) => html`
  <${Menu} summary="Copy">
    <button onClick=${() => copyText(location.href, "the link")}>Link to this view</button>
    ${
      command &&
      html`<button onClick=${() => copyText(command, "the command line")} title=${command}>Command line</button>`
    }
    ${
      python &&
      html`<button onClick=${() => copyText(python, "the Python code")} title=${python}>Python code</button>`
    }
  <//>`;

/**
 * The dreams that are queued or running.
 * @param {{ view: View, net: NetworkIndex, dreams: Dream[] }} props
 */
function Queue({ view, net, dreams }) {
  const active = dreams.filter((dream) => isInProgress(dream.phase) && !dream.in_background);
  if (!active.length) return null;
  const first = active.find((dream) => dream.phase === "running") ?? active[0];
  const summary = html`<span class="pulse" aria-hidden="true"></span>
    ${active.length} ${active.length === 1 ? "dream" : "dreams"}
    <progress value=${first.step} max=${first.steps || 1} aria-label="Progress of the first dream"></progress>`;
  return html`
    <${Menu} kind="queue" summary=${summary} sticky>
      ${active
        .slice(0, MOST_LISTED)
        .map((dream) => html`<${QueuedDream} key=${dream.id} view=${view} net=${net} dream=${dream} />`)}
      ${active.length > MOST_LISTED && html`<p class="small soft">and ${active.length - MOST_LISTED} more</p>`}
      ${
        active.length > 1 &&
        html`<button onClick=${() => [...active].reverse().forEach(cancelDream)}>Cancel all</button>`
      }
    <//>`;
}

/** @param {{ view: View, net: NetworkIndex, dream: Dream }} props */
function QueuedDream({ view, net, dream }) {
  const layer = net.byId.get(dream.layer);
  return html`
    <p class="small">
      <a ...${layer && anchorTo(view, { layer: layer.name, unit: dream.unit, compare: [] })}>
        ${layer ? unitName(net, layer, dream.unit) : dream.name}</a>
      <span class="soft">${dream.phase === "running" ? `${dream.step} of ${dream.steps}` : "queued"}</span>
      <button onClick=${() => cancelDream(dream)}>Cancel</button>
    </p>`;
}
