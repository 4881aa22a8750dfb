// @ts-check
// The geometry of a map of images: places in a square of side 1, the camera that shows a part of it, and the nearest place.

/** @typedef {import("../types.js").EmbeddingMap} EmbeddingMap */
/** @typedef {"points" | "images" | "grid"} MapView */
/** @typedef {{ zoom: number, x: number, y: number }} Camera the place in the center of the stage, and how large the map is */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ at: Float64Array, wide: number, high: number, cells: number }} Places x and y of each image, from the upper left */

const EDGE = 0.04; // of the stage, around the map
const MOST = 400; // how far the map can be enlarged
const LEAST = 0.5;
const MANY = 60; // a map of MANY ** 2 points has points of one pixel

/**
 * Return the place of each image; `cells` is the number of cells of the grid along its longer side.
 * @param {EmbeddingMap} map @param {MapView} view
 * @returns {Places}
 */
export function placesOf(map, view) {
  const at = new Float64Array(2 * map.names.length);
  const [rows, columns] = map.shape;
  const cells = Math.max(rows, columns);
  for (let index = 0; index < map.names.length; index += 1) {
    at[2 * index] = view === "grid" ? (map.columns[index] + 0.5) / cells : map.x[index] / map.fine;
    at[2 * index + 1] = view === "grid" ? (map.rows[index] + 0.5) / cells : 1 - map.y[index] / map.fine;
  }
  return { at, wide: view === "grid" ? columns / cells : 1, high: view === "grid" ? rows / cells : 1, cells };
}

/** Return the camera that shows all places. @param {Places} places @returns {Camera} */
export const wholeMap = ({ wide, high }) => ({ zoom: 1, x: wide / 2, y: high / 2 });

/** Return the pixels of the side of the map. @param {Camera} camera @param {Size} size */
export const scaleOf = ({ zoom }, { width, height }) => Math.min(width, height) * (1 - 2 * EDGE) * zoom;

/**
 * Return where a place is on the stage.
 * @param {Camera} camera @param {Size} size @param {number} x @param {number} y
 * @returns {[number, number]}
 */
export function onStage(camera, size, x, y) {
  const scale = scaleOf(camera, size);
  return [(x - camera.x) * scale + size.width / 2, (y - camera.y) * scale + size.height / 2];
}

/**
 * Return the camera after zooming, in which the place under a point of the stage is still there.
 * @param {Camera} camera @param {Size} size @param {number} factor @param {[number, number]} [point] default: the center
 * @returns {Camera}
 */
export function zoomed(camera, size, factor, [x, y] = [size.width / 2, size.height / 2]) {
  const next = { ...camera, zoom: Math.min(MOST, Math.max(LEAST, camera.zoom * factor)) };
  const change = 1 / scaleOf(camera, size) - 1 / scaleOf(next, size);
  return { ...next, x: camera.x + (x - size.width / 2) * change, y: camera.y + (y - size.height / 2) * change };
}

/**
 * Return the camera after the map was dragged by some pixels.
 * @param {Camera} camera @param {Size} size @param {number} right @param {number} down
 * @returns {Camera}
 */
export function moved(camera, size, right, down) {
  const scale = scaleOf(camera, size);
  return { ...camera, x: camera.x - right / scale, y: camera.y - down / scale };
}

/**
 * Return the camera that shows a place: the same one where it is on the stage already.
 * @param {Camera} camera @param {Size} size @param {number} x @param {number} y
 * @returns {Camera}
 */
export function showing(camera, size, x, y) {
  const [left, top] = onStage(camera, size, x, y);
  const inside = left >= 0 && top >= 0 && left <= size.width && top <= size.height;
  return inside ? camera : { ...camera, x, y };
}

/** Return the radius of a point in pixels. @param {number} count of images @param {Camera} camera */
export const radiusOf = (count, { zoom }) =>
  Math.min(9, Math.max(1.6, (MANY / Math.sqrt(Math.max(count, 1))) * Math.sqrt(zoom)));

/**
 * Return the side of a thumbnail in pixels.
 * @param {EmbeddingMap} map @param {MapView} view @param {Places} places @param {Camera} camera @param {Size} size
 */
export const tileOf = (map, view, places, camera, size) =>
  view === "grid"
    ? scaleOf(camera, size) / places.cells
    : Math.min(map.side * 2, Math.max(14, 24 * Math.sqrt(camera.zoom)));

/**
 * Return the image that is nearest to a point of the stage and at most `reach` pixels away; -1 where there is none.
 * @param {Places} places @param {Camera} camera @param {Size} size @param {[number, number]} point
 * @param {number} reach @param {(index: number) => boolean} isShown
 */
export function nearestTo({ at }, camera, size, [x, y], reach, isShown) {
  let [found, least] = [-1, reach];
  for (let index = 0; index < at.length / 2; index += 1) {
    if (!isShown(index)) continue;
    const [left, top] = onStage(camera, size, at[2 * index], at[2 * index + 1]);
    const distance = Math.hypot(left - x, top - y);
    if (distance <= least) [found, least] = [index, distance];
  }
  return found;
}

/**
 * Return the image that an arrow key leads to: the nearest one in its direction, at most 45 degrees off; `from` itself
 * where there is none, and the first one shown where `from` is -1.
 * @param {Places} places @param {number} from @param {number} right -1, 0 or 1 @param {number} down
 * @param {(index: number) => boolean} isShown
 */
export function nextTo({ at }, from, right, down, isShown) {
  const count = at.length / 2;
  if (from < 0) return Array.from({ length: count }, (_, index) => index).findIndex(isShown);
  let [found, least] = [from, Infinity];
  for (let index = 0; index < count; index += 1) {
    const [x, y] = [at[2 * index] - at[2 * from], at[2 * index + 1] - at[2 * from + 1]];
    const along = x * right + y * down;
    const distance = Math.hypot(x, y);
    if (!isShown(index) || along <= 0 || along < distance * Math.SQRT1_2 - 1e-12 || distance >= least) continue;
    [found, least] = [index, distance];
  }
  return found;
}
