// @ts-check
// The images to choose from, in one row of which only the visible part is rendered; filters, and ways to add images.
import { html, names, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../lib/html.js";
import { formatPercent, plural } from "../../lib/number_format.js";
import { addImages, removeImage, showImage, toggleImage } from "../../state/actions.js";
import { filteredImages, labelsOf } from "../../state/image_filter.js";
import { app, imageFilter } from "../../state/store.js";
import { imageAddress } from "../../state/webcam.js";
import { Select, inputOf } from "../shared/controls.js";
import { Camera } from "./camera.js";
import { Mistake } from "./marked_image.js";

/** @typedef {import("../../types.js").ImageInfo} ImageInfo */

const STEP = 68; // pixels from one image to the next
const MARGIN = 4; // images rendered before and after the visible ones

/** @param {{ shown: ImageInfo[] }} props */
export function Tray({ shown }) {
  const all = app.use((state) => state.images);
  const filter = imageFilter.use((state) => state);
  const images = useMemo(() => filteredImages(all, filter), [all, filter]);
  const row = useRef(/** @type {HTMLElement} */ (/** @type {unknown} */ (null))); // set before any effect runs
  const [[first, end], setRange] = useState([0, 40]);
  const [camera, setCamera] = useState(false);
  const measure = () => {
    const { scrollLeft, clientWidth } = row.current;
    const start = Math.max(0, Math.floor(scrollLeft / STEP) - MARGIN);
    setRange((old) => (old[0] === start ? old : [start, start + Math.ceil(clientWidth / STEP) + 2 * MARGIN]));
  };
  useLayoutEffect(measure, []);
  useEffect(() => {
    row.current.scrollLeft = 0;
    measure();
  }, [filter]);
  useEffect(() => {
    const index = images.findIndex((image) => image.id === shown[0]?.id);
    const { scrollLeft, clientWidth } = row.current;
    if (index >= 0 && (index * STEP < scrollLeft || (index + 1) * STEP > scrollLeft + clientWidth)) {
      row.current.scrollLeft = index * STEP - clientWidth / 2;
    }
  }, [shown[0]?.id, images.length]);
  return html`
    <section class="tray" aria-label="Images">
      <${Sources} camera=${camera} setCamera=${setCamera} />
      ${camera && html`<${Camera} close=${() => setCamera(false)} />`}
      <${Filters} all=${all} matches=${images.length} filter=${filter} />
      <div class="row" ref=${row} onScroll=${measure} role="group" aria-label=${plural(images.length, "image")}>
        <div class="tray-content" style=${{ width: `${images.length * STEP}px` }}>
          ${images
            .slice(first, end)
            .map(
              (image, index) => html`<${TrayImage} key=${image.id} image=${image} shown=${shown}
              left=${(first + index) * STEP} />`,
            )}
        </div>
        ${!images.length && html`<p class="soft small">${all.length ? "No image matches." : "No images yet. Drop or paste images, or choose files."}</p>`}
      </div>
    </section>`;
}

/**
 * Which images are listed; nothing where no image has a label.
 * @param {{ all: ImageInfo[], matches: number, filter: import("../../state/image_filter.js").ImageFilter }} props
 */
function Filters({ all, matches, filter }) {
  const labels = useMemo(() => labelsOf(all).sort(new Intl.Collator(undefined, { numeric: true }).compare), [all]);
  const known = app.use((state) => state.accuracy !== null);
  if (!labels.length) return null;
  const evaluated = all.some((image) => image.confidence !== null);
  const options = { "": "all classes", ...Object.fromEntries(labels.map((label) => [label, label])) };
  return html`
    <div class="image-filters" role="group" aria-label="Which images are listed">
      <${Select} label="Class" options=${options} value=${filter.label}
          onChange=${(/** @type {string} */ label) => imageFilter.set({ label })} />
      <div class="actions">
        <button aria-pressed=${filter.wrong} disabled=${!known} title="Images that are not predicted as labeled"
            onClick=${() => imageFilter.set({ wrong: !filter.wrong })}>wrong only</button>
        <button aria-pressed=${filter.unsure} disabled=${!evaluated}
            title=${evaluated ? "Images with the least probable prediction first" : "Known after an evaluation (Work)"}
            onClick=${() => imageFilter.set({ unsure: !filter.unsure })}>least sure</button>
      </div>
      <span class="small soft" role="status">${matches === all.length ? plural(all.length, "image") : `${matches} of ${all.length}`}</span>
    </div>`;
}

/** @param {{ camera: boolean, setCamera: (on: boolean) => void }} props */
function Sources({ camera, setCamera }) {
  const file = useRef(/** @type {HTMLInputElement | null} */ (null));
  const choose = (/** @type {Event} */ event) => {
    addImages(inputOf(event).files ?? []);
    inputOf(event).value = "";
  };
  return html`
    <div class="image-sources">
      <button onClick=${() => file.current?.click()}
          title="Choose files, or drop or paste images anywhere on the page">Add image</button>
      <input ref=${file} type="file" accept="image/*" multiple hidden onChange=${choose} />
      ${
        "mediaDevices" in navigator &&
        html`<button aria-pressed=${camera} onClick=${() => setCamera(!camera)}>Webcam</button>`
      }
    </div>`;
}

/** @param {{ image: ImageInfo, shown: ImageInfo[], left: number }} props */
function TrayImage({ image, shown, left }) {
  const chosen = shown.some((each) => each.id === image.id);
  const choose = (/** @type {MouseEvent} */ event) =>
    event.shiftKey || event.ctrlKey || event.metaKey ? toggleImage(image, shown) : showImage(image);
  return html`
    <div class=${names("tray-image", chosen && "chosen")} style=${{ left: `${left}px` }}>
      <button onClick=${choose} aria-pressed=${chosen}
          title=${`${titleOf(image)} (Shift-click: show beside the others)`}>
        ${
          image.width
            ? html`<img src=${imageAddress(image, "thumb")} alt="" width="56" height="56" decoding="async" />`
            : html`<i class="placeholder small soft">unreadable</i>`
        }
        <span class="caption">${image.label ?? stem(image.name)}</span>
        <${Mistake} name=${image.mistake} />
      </button>
      ${
        image.uploaded &&
        html`<button class="remove" onClick=${() => removeImage(image)}
          aria-label=${`Remove ${image.name}`}>×</button>`
      }
    </div>`;
}

/** @param {ImageInfo} image */
function titleOf({ name, label, mistake, confidence }) {
  const sure = Number.isFinite(confidence) ? [`probability ${formatPercent(Number(confidence))}`] : [];
  return [`${name}${label ? `: ${label}` : ""}`, ...(mistake ? [`predicted: ${mistake}`] : []), ...sure].join(", ");
}

/** Return a file's name without its folder and its extension; the title shows all of it. @param {string} name */
const stem = (name) => name.replace(/^.*\//, "").replace(/(?<=.)\.\w+$/, "");

/** Add images that are dropped or pasted anywhere on the page, and return whether files are dragged over it. */
export function useImageDrop() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
    const dragover = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const dragleave = (/** @type {DragEvent} */ event) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      addImages(event.dataTransfer?.files ?? []);
    };
    const paste = (/** @type {ClipboardEvent} */ event) => addImages(event.clipboardData?.files ?? []);
    const listening = new AbortController();
    const { signal } = listening;
    addEventListener("dragover", dragover, { signal });
    addEventListener("dragleave", dragleave, { signal });
    addEventListener("drop", drop, { signal });
    addEventListener("paste", paste, { signal });
    return () => listening.abort();
  }, []);
  return over;
}
