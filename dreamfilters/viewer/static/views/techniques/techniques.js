// @ts-check
// The page of the techniques: the form of one of them, and what it has made.
import { html } from "../../lib/html.js";
import { anchorTo } from "../../state/routing.js";
import { app } from "../../state/store.js";
import { JobState } from "../jobs/job_state.js";
import { Empty } from "../shared/states.js";
import { TechniqueForm } from "./technique_form.js";

/** @typedef {import("../../types.js").ViewProps} ViewProps */

/** @param {Pick<ViewProps, "view" | "net" | "images" | "ready">} props */
export function Techniques({ view, net, images, ready }) {
  const forms = app.use((state) => state.network?.techniques) ?? [];
  const jobs = app.use((state) => state.jobs);
  const form = forms.find(({ name }) => name === view.technique) ?? forms[0];
  if (!form) return html`<${Empty} title="No techniques">The network offers none.<//>`;
  const own = Object.values(jobs).filter(({ technique }) => technique?.name === form.name);
  return html`
    <article class="techniques" data-technique=${form.name}>
      <header class="head"><div>
        <h1>${form.title}</h1>
        <p class="small soft">${form.meaning}</p>
      </div></header>
      <nav class="actions" aria-label="Techniques">${forms.map(
        ({ name, title }) => html`
        <a key=${name} class=${`button ${name === form.name ? "on" : ""}`} aria-current=${name === form.name ? "page" : null}
            ...${anchorTo(view, { technique: name })}>${title}</a>`,
      )}</nav>
      ${
        view.changes.length > 0 &&
        html`<p class="small doubt">Techniques use the plain network, without the changed units.</p>`
      }
      <${TechniqueForm} key=${form.name} form=${form} view=${view} net=${net} image=${images[0]} ready=${ready} />
      <section class="technique-results" aria-label="Results">
        ${own
          .sort((a, b) => b.number - a.number)
          .map((job) => html`<${JobState} key=${job.id} job=${job} full />`)}
        ${
          !own.length &&
          html`<p class="small soft">A result is a run folder, as of <code>dreamfilters ${form.command}</code>. The page
            stays usable meanwhile.</p>`
        }
      </section>
    </article>`;
}
