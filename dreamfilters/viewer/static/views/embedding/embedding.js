// @ts-check
// The map of the images: those that a layer represents alike are near each other, and each opens on a press.
import { placesOf, wholeMap, zoomed } from "../../lib/embedding_map.js";
import { html, useEffect, useMemo, useState } from "../../lib/html.js";
import { openPoint } from "../../state/actions.js";
import { paths } from "../../state/api.js";
import { refresh, useResource } from "../../state/resources.js";
import { isInProgress } from "../../state/selectors.js";
import { app } from "../../state/store.js";
import { EmbedControls } from "../jobs/embed_controls.js";
import { JobState } from "../jobs/job_state.js";
import { Choice } from "../shared/controls.js";
import { Empty, Failed, Loading } from "../shared/states.js";
import { Legend } from "./legend.js";
import { MapImage } from "./map_image.js";
import { Scatter } from "./scatter.js";

/** @typedef {import("../../types.js").EmbeddingMap} EmbeddingMap */
/** @typedef {import("../../types.js").EmbeddingState} EmbeddingState */
/** @typedef {import("../../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../../lib/embedding_map.js").MapView} MapView */

const VIEWS = /** @type {const} */ ({ points: "Points", images: "Images", grid: "Grid" });
const CENTER = { width: 1, height: 1 }; // a zoom around the center does not depend on the size of the stage

/** @param {{ images: ImageInfo[], ready: boolean }} props */
export function Embedding({ images, ready }) {
  /** @type {import("../../types.js").Resource<EmbeddingState>} */
  const { value, error } = useResource(ready ? paths.embedding() : null);
  if (error && !value) {
    return html`<${Failed} error=${error} retry=${() => refresh((address) => address === paths.embedding())} />`;
  }
  if (!value) return html`<${Loading} />`;
  if (!value.ready) return html`<${NoEmbedding} obstacle=${value.obstacle} />`;
  return html`<${Found} key=${value.sheets[0]} map=${value} image=${images[0]} />`;
}

/** @param {{ obstacle: string | null }} props */
function NoEmbedding({ obstacle }) {
  const job = useLastJob();
  if (obstacle) return html`<${Empty} title="No map">${obstacle}.<//>`;
  return html`
    <${Empty} title="Map of the images">
      Images that the layer before the logits represents alike are placed near each other.
      ${job && html`<${JobState} job=${job} />`}
      ${!isInProgress(job?.phase) && html`<${EmbedControls} primary />`}
    <//>`;
}

/** @param {{ map: EmbeddingMap, image: ImageInfo | undefined }} props */
function Found({ map, image }) {
  const [view, setView] = useState(/** @type {MapView} */ ("points"));
  const [alone, setAlone] = useState(/** @type {number | null} */ (null));
  const [active, setActive] = useState(-1);
  const places = useMemo(() => placesOf(map, view), [map, view]);
  const [camera, setCamera] = useState(wholeMap(places));
  const { sheets, loaded } = useSheets(map);
  const job = useLastJob();
  const chosen = image ? map.images.indexOf(image.id) : -1;
  const open = (/** @type {number} */ index) => openPoint(map, index);
  const choose = (/** @type {MapView} */ next) => {
    setView(next);
    setCamera(wholeMap(placesOf(map, next)));
  };
  const whole = () => setCamera(wholeMap(places));
  const drawn = { map, view, places, camera, sheets, loaded, alone, chosen, active };
  return html`
    <article class="embedding">
      <header class="head"><div>
        <h1>Map of the images</h1>
        <p class="small soft">Drag to move, turn the wheel to zoom; a click opens the image${map.dreams > 0 && ", or the unit of a dream"}.</p>
      </div></header>
      <div class="toolbar">
        <${Choice} label="View" options=${VIEWS} value=${view} onChange=${choose} />
        <div class="choice" role="group" aria-label="Zoom">
          <button aria-label="Zoom out" onClick=${() => setCamera(zoomed(camera, CENTER, 1 / 2))}>−</button>
          <button aria-label="Zoom in" onClick=${() => setCamera(zoomed(camera, CENTER, 2))}>+</button>
          <button onClick=${whole}>Whole map</button>
        </div>
      </div>
      <${Scatter} ...${drawn} setCamera=${setCamera} setActive=${setActive} open=${open} whole=${whole} />
      <${MapImage} map=${map} sheets=${sheets} loaded=${loaded} index=${active < 0 ? chosen : active} open=${open} />
      <${Legend} map=${map} alone=${alone} setAlone=${setAlone} />
      <p class="small soft">${map.text}. ${map.meaning}</p>
      <${EmbedControls} />
      ${job && job.phase !== "done" && html`<${JobState} job=${job} />`}
    </article>`;
}

/** The embedding that was started last. */
const useLastJob = () => Object.values(app.use((state) => state.jobs)).findLast(({ kind }) => kind === "embed");

/**
 * The sheets of thumbnails, and how many have arrived.
 * @param {EmbeddingMap} map
 */
function useSheets(map) {
  const [loaded, setLoaded] = useState(0);
  const sheets = useMemo(
    () =>
      map.sheets.map((address) => {
        const sheet = new Image();
        sheet.src = address;
        return sheet;
      }),
    [map.sheets.join()],
  );
  useEffect(() => {
    const update = () => setLoaded(sheets.filter(({ complete, naturalWidth }) => complete && naturalWidth > 0).length);
    update();
    for (const sheet of sheets) sheet.addEventListener("load", update);
    return () => sheets.forEach((sheet) => sheet.removeEventListener("load", update));
  }, [sheets]);
  return { sheets, loaded };
}
