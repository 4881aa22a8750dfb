// @ts-check
// Requests to the server and the addresses of its resources.
import { changeQuery } from "./changes.js";

/** @typedef {import("../types.js").ImageRef} ImageRef */
/** @typedef {import("../types.js").Dream} Dream */
/** @typedef {import("../types.js").UnitRef} UnitRef */

/** A failed request: one line for people, and the HTTP status (0 where there was no response). */
export class RequestError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {string} address @param {RequestInit} [options] */
async function request(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new RequestError("The server does not respond. Is it still running?", 0);
  }
  if (!response.ok) throw new RequestError(await failureMessage(response), response.status);
  return response;
}

/** @param {Response} response */
async function failureMessage(response) {
  try {
    const { error } = await response.json();
    if (error) return String(error);
  } catch {
    // The body is not from this server: a proxy's page, for example.
  }
  return response.status === 401 || response.status === 403
    ? "This browser is not authorized. Open the address that `dreamfilters serve` printed."
    : `The server returned ${response.status} ${response.statusText}`.trim();
}

/**
 * Return the JSON at an address.
 * @param {string} address relative to the page
 * @returns {Promise<any>}
 */
export const getJson = async (address) => (await request(address)).json();

/**
 * Return the bytes at an address.
 * @param {string} address
 */
export const getBytes = async (address) => new Uint8Array(await (await request(address)).arrayBuffer());

/**
 * Send a change and return the JSON of the response.
 * @param {string} address
 * @param {object | Blob} [body] values, which are sent as JSON, or a Blob, which is sent unchanged
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function post(address, body = {}, headers = {}) {
  const raw = body instanceof Blob;
  const type = raw ? body.type || "image/*" : "application/json";
  const response = await request(address, {
    method: "POST",
    headers: { "X-Dreamfilters": "1", "Content-Type": type, ...headers },
    body: raw ? body : JSON.stringify(body),
  });
  return response.json();
}

/** The id of an image as the network is shown it. @param {ImageRef} image */
export const inputId = ({ id, cropped }) => (cropped ? `${id}.cropped` : id);

/** The id of the webcam's image stays the same while its content changes. @param {ImageRef} image */
const versionQuery = (image) => (image.version ? `?v=${image.version}` : "");

/** What a pass of the network depends on besides its address. @param {ImageRef} image @param {string} change */
function passQuery(image, change) {
  const query = new URLSearchParams(image.version ? { v: String(image.version) } : {});
  if (change) query.set("change", change);
  return query.size ? `?${query}` : "";
}

/**
 * @param {ImageRef} image @param {number | null} against @param {string} change @param {string} [method]
 * @param {string} [drawn]
 */
function explanationQuery(image, against, change, method, drawn) {
  const query = new URLSearchParams(method === undefined ? {} : { method });
  if (against !== null) query.set("against", String(against));
  if (image.version) query.set("v", String(image.version));
  if (change) query.set("change", change);
  if (drawn) query.set("drawn", drawn);
  return query.toString();
}

/**
 * The addresses of the server's resources, relative to the page. Layers are given by their ids. `change` lists changed
 * units of the network, by default those of the link; "" is the plain network.
 */
export const paths = {
  state: () => "api/state",
  /** @param {ImageRef} image @param {"image" | "thumb" | "input" | "mask"} kind */
  image: (image, kind) =>
    `api/images/${kind === "input" || kind === "mask" ? inputId(image) : image.id}/${kind}.png${kind === "mask" ? passQuery(image, changeQuery()) : versionQuery(image)}`,
  /** @param {ImageRef} image */
  imageInfo: (image) => `api/images/${image.id}`,
  /** @param {ImageRef} image */
  remove: (image) => `api/images/${image.id}/remove`,
  change: changeQuery,
  /** @param {string} layer @param {number} unit @param {string} method @param {string} drawn */
  live: (layer, unit, method, drawn) =>
    `api/live/${layer}/${unit}?${new URLSearchParams({ method, drawn, change: changeQuery() })}`,
  /** @param {ImageRef} image @param {string} [change] */
  predictions: (image, change = changeQuery()) => `api/predictions/${inputId(image)}${passQuery(image, change)}`,
  /** @param {string} layer @param {ImageRef} image */
  maps: (layer, image) => `api/maps/${layer}/${inputId(image)}${passQuery(image, changeQuery())}`,
  /** @param {string} layer @param {ImageRef} image */
  sheet: (layer, image) => `api/maps/${layer}/${inputId(image)}/sheet.bin${passQuery(image, changeQuery())}`,
  /** @param {string} layer @param {ImageRef} image @param {number} unit @param {string} [change] */
  map: (layer, image, unit, change = changeQuery()) =>
    `api/maps/${layer}/${inputId(image)}/${unit}${passQuery(image, change)}`,
  /**
   * @param {UnitRef} target @param {ImageRef} image @param {string} method @param {number | null} against
   * @param {string} [change] @param {string} [drawn] what is drawn of a backward pass instead of the heatmap
   */
  heatmap: ({ layer, unit }, image, method, against, change = changeQuery(), drawn = "") =>
    `api/heatmaps/${layer}/${unit}/${inputId(image)}?${explanationQuery(image, against, change, method, drawn)}`,
  /** @param {UnitRef} target @param {ImageRef} image @param {string} method @param {number | null} against */
  trust: ({ layer, unit }, image, method, against) =>
    `api/trust/${layer}/${unit}/${inputId(image)}?${explanationQuery(image, against, changeQuery(), method)}`,
  /** @param {UnitRef} target @param {ImageRef} image @param {string} method @param {number | null} against */
  cancelTrust: ({ layer, unit }, image, method, against) =>
    `api/trust/${layer}/${unit}/${inputId(image)}/cancel?${explanationQuery(image, against, "", method)}`,
  /** @param {number} unit @param {ImageRef} image @param {number | null} against */
  logitUnits: (unit, image, against) =>
    `api/logits/${unit}/${inputId(image)}?${explanationQuery(image, against, changeQuery())}`,
  /** @param {string} layer @param {number} row @param {number} column */
  receptiveField: (layer, row, column) => `api/receptive-fields/${layer}?row=${row}&column=${column}`,
  /** @param {string} layer */
  verdicts: (layer) => `api/verdicts/${layer}`,
  /** @param {string} layer @param {number} unit */
  unit: (layer, unit) => `api/units/${layer}/${unit}`,
  /** @param {string} layer @param {number} unit @param {number} rank */
  crop: (layer, unit, rank) => `api/units/${layer}/${unit}/crops/${rank}.png`,
  /** @param {string} layer @param {number} unit */
  unitFile: (layer, unit) => `api/units/${layer}/${unit}/download.json`,
  /** @param {string} layer @param {number} unit @param {string} version */
  unitThumb: (layer, unit, version) => `api/units/${layer}/${unit}/thumb.png?v=${version}`,
  overview: () => "api/overview",
  evaluation: () => "api/evaluation",
  embedding: () => "api/embedding",
  /** @param {[number, number]} cell */
  cell: ([label, predicted]) => `api/evaluation/cells/${label}/${predicted}`,
  /** @param {number} first @param {number} second */
  separation: (first, second) => `api/evaluation/separations/${first}/${second}`,
  /** @param {number} number */
  classSummary: (number) => `api/classes/${number}`,
  /** @param {number} number */
  classUnits: (number) => `api/classes/${number}/units`,
  jobs: () => "api/jobs",
  /** @param {import("../types.js").Job} job */
  cancelJob: (job) => `api/jobs/${job.id}/cancel`,
  /** @param {import("../types.js").Job} job */
  jobSnapshot: (job) => `api/jobs/${job.id}/snapshot.png?v=${job.snapshot}`,
  /** @param {import("../types.js").Job} job @param {string} name */
  jobFile: (job, name) => `api/jobs/${job.id}/files/${name.split("/").map(encodeURIComponent).join("/")}`,
  /** @param {string} name */
  technique: (name) => `api/techniques/${encodeURIComponent(name)}`,
  formSearch: () => "api/form-search",
  cancelFormSearch: () => "api/form-search/cancel",
  applyForm: () => "api/form-search/apply",
  saveForm: () => "api/form-search/save",
  dreams: () => "api/dreams",
  dreamsInBackground: () => "api/dreams/background",
  /** @param {Dream} dream @param {"cancel" | "save"} action */
  dreamAction: (dream, action) => `api/dreams/${dream.id}/${action}`,
  /** @param {Dream} dream */
  dreamImage: (dream) => `api/dreams/${dream.id}/image.png?step=${dream.step}`,
  /** @param {Dream} dream */
  dreamThumb: (dream) => `api/dreams/${dream.id}/thumb.png?step=${dream.step}`,
  /** @param {Dream} dream */
  dreamMap: (dream) => `api/dreams/${dream.id}/map`,
  /** @param {Dream} dream */
  priorCheck: (dream) => `api/dreams/${dream.id}/prior-check`,
  /** @param {Dream} dream */
  priorCheckImage: (dream) => `api/dreams/${dream.id}/prior-check.png`,
  /** @param {Dream} dream @param {number} version */
  dreamMeasures: (dream, version) => `api/dreams/${dream.id}/measures?v=${version}`,
  /** @param {string} layer @param {number} version */
  dreamSheet: (layer, version) => `api/dreams/sheet/${layer}?v=${version}`,
  /** @param {string} layer @param {number} version */
  dreamSheetImage: (layer, version) => `api/dreams/sheet/${layer}/sheet.png?v=${version}`,
};
