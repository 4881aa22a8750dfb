// The server's stream of news keeps the store true; after a break the whole state is fetched anew.
import { get, paths } from "./api.js";
import { refresh } from "./resources.js";
import { app } from "./store.js";
import { underWay } from "./selectors.js";

let source = null;

/** Listen while the page is seen: of the six connections of a browser, a stream in each hidden tab would take one. */
export function listen() {
  const turn = () => (document.hidden ? hush() : open());
  document.addEventListener("visibilitychange", turn);
  addEventListener("pagehide", hush);
  addEventListener("pageshow", turn);
  turn();
}

function hush() {
  source?.close();
  source = null;
}

function open() {
  if (source) return;
  catchUp();
  source = new EventSource("api/events");
  source.onopen = () => {
    if (app.get().connection === "lost") catchUp();
    app.set({ connection: "open" });
  };
  source.onerror = () => {
    app.set({ connection: "lost" });
    if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
    hush();
    setTimeout(() => document.hidden || open(), 3000);
  };
  for (const [name, deed] of Object.entries(NEWS)) {
    source.addEventListener(name, (event) => deed(JSON.parse(event.data)));
  }
}

/** Fetch what the stream would have told. */
export async function catchUp() {
  try {
    takeState(await get(paths.state()));
    for (const dream of (await get(paths.dreams())).dreams) takeDream(dream);
  } catch (error) {
    app.set({ connection: "lost", note: error.message });
  }
}

const NEWS = {
  state: takeState,
  images: (images) => takeImages(images),
  dream: takeDream,
  evidence: takeEvidence,
};

function takeState(state) {
  const before = app.get();
  const { images, evidence, ...rest } = state;
  const changed = before.network?.fingerprint !== rest.network?.fingerprint;
  if (!changed) delete rest.network; // the same value stays the same object: nothing is drawn again
  app.set(rest);
  if (images) takeImages(images);
  if (evidence) takeEvidence(evidence);
  if (before.phase !== state.phase && state.phase === "ready") refresh((address) => address.startsWith("api/"));
}

const takeImages = (images) => app.set({ images });

/** Take one image that was added or, as the webcam's, has changed. */
export function takeImage(image) {
  const { images } = app.get();
  const old = images.find((one) => one.id === image.id);
  app.set({ images: old ? images.map((one) => (one === old ? image : one)) : [...images, image] });
  return image;
}

function takeEvidence(evidence) {
  const before = app.get().evidence;
  app.set({ evidence });
  if (evidence.phase !== before.phase && evidence.phase === "ready") {
    refresh((address) => address.startsWith("api/verdicts/") || address.startsWith("api/units/"));
  }
}

/** Take a dream's news. */
export function takeDream(dream) {
  const { dreams, dreamt } = app.get();
  const before = dreams[dream.id];
  const ended = !underWay(dream.phase) && before?.phase !== dream.phase;
  app.set({ dreams: { ...dreams, [dream.id]: dream }, dreamt: ended ? dreamt + 1 : dreamt });
  if (ended && before) refresh((address) => address === paths.unit(dream.layer, dream.unit));
}
