// The images to choose from, in one row of which only what is seen is there; and the doors for new ones.
import { paths } from "../../state/api.js";
import { addImages, forget, look, lookAlso } from "../../state/actions.js";
import { html, names, useEffect, useLayoutEffect, useRef, useState } from "../../lib/html.js";
import { plural } from "../../lib/number_format.js";
import { app } from "../../state/store.js";
import { Camera } from "./camera.js";

const STEP = 68; // pixels from one image to the next

/** `shown`: the images of the view. */
export function Tray({ shown }) {
  const images = app.use((state) => state.images);
  const row = useRef();
  const file = useRef();
  const [span, setSpan] = useState([0, 40]);
  const [camera, setCamera] = useState(false);
  const measure = () => {
    const { scrollLeft, clientWidth } = row.current;
    const first = Math.max(0, Math.floor(scrollLeft / STEP) - 4);
    setSpan((old) => (old[0] === first ? old : [first, first + Math.ceil(clientWidth / STEP) + 8]));
  };
  useLayoutEffect(measure, []);
  useEffect(() => {
    const at = images.findIndex((image) => image.id === shown[0]?.id);
    const { scrollLeft, clientWidth } = row.current;
    if (at >= 0 && (at * STEP < scrollLeft || (at + 1) * STEP > scrollLeft + clientWidth)) {
      row.current.scrollLeft = at * STEP - clientWidth / 2;
    }
  }, [shown[0]?.id, images.length]);
  const chosen = new Set(shown.map((image) => image.id));
  const choose = (event, image) =>
    event.shiftKey || event.ctrlKey || event.metaKey ? lookAlso(image, shown) : look(image);
  return html`
    <section class="tray" aria-label="Images">
      <div class="doors">
        <button onClick=${() => file.current.click()}
            title="Choose files; or drop or paste images anywhere on the page">Add image</button>
        <input ref=${file} type="file" accept="image/*" multiple hidden onChange=${(event) => {
          addImages(event.target.files);
          event.target.value = "";
        }} />
        ${
          navigator.mediaDevices?.getUserMedia &&
          html`
          <button aria-pressed=${camera} onClick=${() => setCamera(!camera)}>Webcam</button>`
        }
      </div>
      ${camera && html`<${Camera} close=${() => setCamera(false)} />`}
      <div class="row" ref=${row} onScroll=${measure} role="group" aria-label=${plural(images.length, "image")}>
        <div class="run" style=${{ width: `${images.length * STEP}px` }}>
          ${images.slice(span[0], span[1]).map(
            (image, at) => html`
            <div class=${names("tray-image", chosen.has(image.id) && "chosen")} key=${image.id}
                style=${{ left: `${(span[0] + at) * STEP}px` }}>
              <button onClick=${(event) => choose(event, image)} aria-pressed=${chosen.has(image.id)}
                  title=${`${image.name}${image.label ? `: ${image.label}` : ""} (Shift: side by side)`}>
                ${
                  image.width
                    ? html`<img src=${paths.image(image, "thumb")} alt="" width="56" height="56" decoding="async" />`
                    : html`<i class="hollow small soft">no image</i>`
                }
                <span>${image.label ?? briefly(image.name)}</span>
              </button>
              ${image.uploaded && html`<button class="away" onClick=${() => forget(image)}
                  aria-label=${`Remove ${image.name}`}>×</button>`}
            </div>`,
          )}
        </div>
        ${!images.length && html`<p class="soft small">No images yet. Drop some here, paste one, or choose files.</p>`}
      </div>
    </section>`;
}

// Under so small an image there is no room for the folder and the kind of file; the title tells the whole name.
const briefly = (name) => name.replace(/^.*\//, "").replace(/(?<=.)\.\w+$/, "");

/** Take images that are dropped or pasted anywhere. */
export function useDropping() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const holds = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const deeds = {
      dragover: (event) => {
        if (!holds(event)) return;
        event.preventDefault();
        setOver(true);
      },
      dragleave: (event) => event.relatedTarget === null && setOver(false),
      drop: (event) => {
        if (!holds(event)) return;
        event.preventDefault();
        setOver(false);
        addImages(event.dataTransfer.files);
      },
      paste: (event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length) addImages(files);
      },
    };
    for (const [name, deed] of Object.entries(deeds)) addEventListener(name, deed);
    return () => Object.entries(deeds).forEach(([name, deed]) => removeEventListener(name, deed));
  }, []);
  return over;
}
