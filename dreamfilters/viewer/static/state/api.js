// The server's answers: JSON, bytes, or an error of one line.

/** What the server refused, or why nothing came: a line for people, and the status (0 without an answer). */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Refused("The server does not answer. Is it still running?", 0);
  }
  if (!answer.ok) throw new Refused(await reason(answer), answer.status);
  return answer;
}

async function reason(answer) {
  try {
    const { error } = await answer.json();
    if (error) return String(error);
  } catch {
    // Not ours: a proxy's page, say.
  }
  return answer.status === 401 || answer.status === 403
    ? "The server no longer knows this browser. Open the address that `dreamfilters serve` printed."
    : `The server answers ${answer.status} ${answer.statusText}`.trim();
}

/** Return the JSON at an address below the base. */
export const get = async (address) => (await ask(address)).json();

/** Return the bytes at an address. */
export const bytes = async (address) => new Uint8Array(await (await ask(address)).arrayBuffer());

/** Change something: a body of values becomes JSON, a Blob goes as it is. Return the JSON that comes back. */
export async function post(address, body = {}, headers = {}) {
  const raw = body instanceof Blob;
  const answer = await ask(address, {
    method: "POST",
    headers: { "X-Dreamfilters": "1", "Content-Type": raw ? body.type || "image/*" : "application/json", ...headers },
    body: raw ? body : JSON.stringify(body),
  });
  return answer.json();
}

/** The addresses of the contract, each relative to the base. */
export const paths = {
  state: () => "api/state",
  image: (image, kind) => `api/images/${image.id}/${kind}.png${fresh(image)}`,
  forget: (image) => `api/images/${image.id}/forget`,
  predictions: (image) => `api/predictions/${image.id}${fresh(image)}`,
  maps: (layer, image) => `api/maps/${layer}/${image.id}${fresh(image)}`,
  sheet: (layer, image) => `api/maps/${layer}/${image.id}/sheet.bin${fresh(image)}`,
  map: (layer, image, unit) => `api/maps/${layer}/${image.id}/${unit}${fresh(image)}`,
  receptiveField: (layer, row, column) => `api/receptive-fields/${layer}?row=${row}&column=${column}`,
  verdicts: (layer) => `api/verdicts/${layer}`,
  unit: (layer, unit) => `api/units/${layer}/${unit}`,
  crop: (layer, unit, rank) => `api/units/${layer}/${unit}/crops/${rank}.png`,
  unitFile: (layer, unit) => `api/units/${layer}/${unit}/download.json`,
  dreams: () => "api/dreams",
  dreamAct: (dream, deed) => `api/dreams/${dream.id}/${deed}`,
  dreamImage: (dream) => `api/dreams/${dream.id}/image.png?step=${dream.step}`,
  dreamThumb: (dream) => `api/dreams/${dream.id}/thumb.png?step=${dream.step}`,
  dreamMap: (dream) => `api/dreams/${dream.id}/map`,
  dreamMeasures: (dream, version) => `api/dreams/${dream.id}/measures?v=${version}`,
  dreamSheet: (layer, version) => `api/dreams/sheet/${layer}?v=${version}`,
  dreamSheetImage: (layer, version) => `api/dreams/sheet/${layer}/sheet.png?v=${version}`,
};

// The webcam's image keeps its id while its content changes.
const fresh = (image) => (image.version ? `?v=${image.version}` : "");
