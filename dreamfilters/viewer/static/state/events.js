// @ts-check
// The server's event stream updates the store. After an interruption the whole state is fetched again.
import { getJson, paths } from "./api.js";
import { refresh } from "./resources.js";
import { isInProgress } from "./selectors.js";
import { app } from "./store.js";

/** @typedef {import("../types.js").Dream} Dream */
/** @typedef {import("../types.js").EvidenceProgress} EvidenceProgress */
/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {import("../types.js").ServerState} ServerState */

const RETRY_AFTER = 3000; // milliseconds

/** @type {EventSource | null} */
let source = null;

/** Listen while the page is visible: a browser opens six connections, and each hidden tab would occupy one of them. */
export function followServer() {
  const update = () => (document.hidden ? disconnect() : connect());
  document.addEventListener("visibilitychange", update);
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", update);
  update();
}

function disconnect() {
  source?.close();
  source = null;
}

function connect() {
  if (source) return;
  fetchState();
  source = new EventSource("api/events");
  source.onopen = () => {
    if (app.get().connection === "lost") fetchState();
    app.set({ connection: "open" });
  };
  source.onerror = () => {
    app.set({ connection: "lost" });
    if (source?.readyState !== EventSource.CLOSED) return; // the browser reconnects
    disconnect();
    setTimeout(() => document.hidden || connect(), RETRY_AFTER);
  };
  for (const [name, apply] of Object.entries({
    state: applyState,
    images: applyImages,
    dream: applyDream,
    evidence: applyEvidence,
    form_search: applyFormSearch,
    job: applyJob,
    verdicts: refreshEvidence,
    trust: applyTrust,
    embedding: () => refresh((address) => address === paths.embedding()),
    evaluation: () => refresh((address) => address.startsWith(paths.evaluation())),
  })) {
    source.addEventListener(name, (event) => apply(JSON.parse(event.data)));
  }
}

/** Fetch what the stream may have missed. */
async function fetchState() {
  try {
    applyState(await getJson(paths.state()));
    for (const dream of (await getJson(paths.dreams())).dreams) applyDream(dream);
  } catch (error) {
    app.set({ connection: "lost", note: /** @type {Error} */ (error).message });
  }
}

/**
 * Apply the server's state to the store.
 * @param {ServerState} state
 */
export function applyState(state) {
  const before = app.get();
  const { images, evidence, network, jobs, ...rest } = state;
  const changed = networkKey(before.network) !== networkKey(network);
  app.set(changed ? { ...rest, network } : rest); // an equal network stays the same object: no view is rendered again
  if (changed && before.network) {
    app.set({ dreams: {}, selectedDream: null, dreamVersions: {} }); // those in another input form
    refresh((address) => address.startsWith("api/"));
  }
  if (jobs) app.set({ jobs: Object.fromEntries(jobs.map((job) => [job.id, job])) });
  if (images) applyImages(images);
  if (evidence) applyEvidence(evidence);
  if (before.phase !== state.phase && state.phase === "ready") refresh((address) => address.startsWith("api/"));
}

/** What differs between two networks, or between two input forms of one. @param {ServerState["network"]} network */
const networkKey = (network) =>
  network && JSON.stringify([network.fingerprint, network.form.text, network.form.interval, network.classes]);

/** @param {ImageInfo[]} images */
const applyImages = (images) => app.set({ images });

/**
 * Apply one image that was added or, like the webcam's, has changed; return it.
 * @param {ImageInfo} image
 */
export function applyImage(image) {
  const { images } = app.get();
  const known = images.some((other) => other.id === image.id);
  app.set({ images: known ? images.map((other) => (other.id === image.id ? image : other)) : [...images, image] });
  return image;
}

/** @param {EvidenceProgress} evidence */
function applyEvidence(evidence) {
  const before = app.get().evidence;
  app.set({ evidence });
  if (evidence.phase !== before.phase && evidence.phase === "ready") refreshEvidence();
}

const OF_EVIDENCE = ["api/verdicts/", "api/units/", "api/classes/", "api/overview", "api/evaluation", "api/embedding"];

function refreshEvidence() {
  refresh((address) => OF_EVIDENCE.some((start) => address.startsWith(start)));
}

/**
 * Apply the present state of a job.
 * @param {import("../types.js").Job} job
 */
export const applyJob = (job) => app.set({ jobs: { ...app.get().jobs, [job.id]: job } });

/**
 * Apply how much of the measures of trust is computed.
 * @param {{ id: string, share: number, note: string }} progress
 */
const applyTrust = ({ id, share, note }) => app.set({ trust: { ...app.get().trust, [id]: { share, note } } });

/** @param {import("../types.js").FormSearch} search */
export const applyFormSearch = (search) => app.set({ form_search: search });

/**
 * Apply the present state of a dream.
 * @param {Dream} dream
 */
export function applyDream(dream) {
  const { dreams, endedDreams, dreamVersions } = app.get();
  const before = dreams[dream.id];
  const ended = !isInProgress(dream.phase) && before?.phase !== dream.phase;
  app.set({ dreams: { ...dreams, [dream.id]: dream } });
  if (ended) {
    const version = endedDreams + 1;
    app.set({ endedDreams: version, dreamVersions: { ...dreamVersions, [dream.layer]: version } });
  }
  if (ended && before) refresh((address) => address === paths.unit(dream.layer, dream.unit));
}
