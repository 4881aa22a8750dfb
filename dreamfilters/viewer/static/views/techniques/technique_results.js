// @ts-check
// What a technique has made: a line, the strip, the animation, and each image to save.
import { html } from "../../lib/html.js";
import { paths } from "../../state/api.js";

/** @typedef {import("../../types.js").Job} Job */

/** @param {{ job: Job }} props */
export const TechniqueResults = ({ job }) => html`${job.results.map(
  (result) => html`<${Result} key=${result.numbers} job=${job} result=${result} />`,
)}`;

/** @param {{ job: Job, result: import("../../types.js").TechniqueResult }} props */
const Result = ({ job, result: { name, text, strip, tiles, frames, images, numbers } }) => html`
  <figure class="technique-result">
    ${
      strip === null
        ? html`<div class="technique-tiles">${tiles.map(
            ([file, caption]) => html`
            <figure key=${file}><img class="image" src=${paths.jobFile(job, file)} alt=${`${name}: ${caption}`} />
              <figcaption class="small soft">${caption}</figcaption></figure>`,
          )}</div>`
        : html`<div class="strip-scroll" tabindex="0" role="group" aria-label=${`${name}: images`}>
            <img class="strip-image" src=${paths.jobFile(job, strip)} alt=${`${name}: ${text}`} /></div>`
    }
    ${
      frames !== null &&
      html`<figure><img class="image" src=${paths.jobFile(job, frames)} alt=${`${name}: animation of the ascent`} />
        <figcaption class="small"><a href=${paths.jobFile(job, frames)} download=${shortName(frames)}>animation</a>
          </figcaption></figure>`
    }
    <details class="technique-files">
      <summary>Images and numbers</summary>
      <div class="files">
        ${images.map(
          (file) => html`
          <a key=${file} href=${paths.jobFile(job, file)} download=${shortName(file)} title=${`Save ${shortName(file)}`}>
            <img class="image" src=${paths.jobFile(job, file)} alt="" loading="lazy" />
            <span class="small">${shortName(file)}</span></a>`,
        )}
      </div>
      <p class="actions">
        ${strip !== null && html`<a class="button" href=${paths.jobFile(job, strip)} download=${shortName(strip)}>${shortName(strip)}</a>`}
        <a class="button" href=${paths.jobFile(job, numbers)} download=${shortName(numbers)}>Numbers as JSON</a>
      </p>
    </details>
  </figure>`;

/** The last part of the name of a file. @param {string} name */
const shortName = (name) => name.slice(name.lastIndexOf("/") + 1);
