// @ts-check
// The map of images on a canvas: points colored by class, or thumbnails, with rings around the chosen image and its nearest.
import { onStage, radiusOf, tileOf } from "../../lib/embedding_map.js";

/** @typedef {import("../../types.js").EmbeddingMap} EmbeddingMap */
/** @typedef {import("../../lib/embedding_map.js").Camera} Camera */
/** @typedef {import("../../lib/embedding_map.js").MapView} MapView */
/** @typedef {import("../../lib/embedding_map.js").Places} Places */
/** @typedef {import("../../lib/embedding_map.js").Size} Size */
/**
 * What is drawn. `chosen` is the image that the page shows, `active` the one that the keys have reached, -1 for none.
 * @typedef {{ map: EmbeddingMap, view: MapView, places: Places, camera: Camera, sheets: HTMLImageElement[],
 *   alone: number | null, chosen: number, active: number, colors: { ink: string, soft: string, accent: string } }} Drawn
 */

export const NO_CLASS = "rgb(150, 150, 150)"; // as in the report
export const DREAMS = -2; // in place of the number of a class
const FAINT = 0.1; // of the classes that are not shown alone

/** Return the color of an image's class. @param {EmbeddingMap} map @param {number} index */
export const colorOf = (map, index) => map.colors[map.numbers[index]] ?? NO_CLASS;

/** Whether an image belongs to what is shown alone. @param {EmbeddingMap} map @param {number | null} alone @param {number} index */
export const isShown = (map, alone, index) =>
  alone === null || (alone === DREAMS ? isDream(map, index) : map.numbers[index] === alone);

/** Whether a point is a dream. @param {EmbeddingMap} map @param {number} index */
export const isDream = (map, index) => index >= map.names.length - map.dreams;

/**
 * Draw a thumbnail; return false where its sheet is not there yet.
 * @param {CanvasRenderingContext2D} brush @param {EmbeddingMap} map @param {HTMLImageElement[]} sheets
 * @param {number} index @param {number} x @param {number} y @param {number} side
 */
export function drawThumbnail(brush, map, sheets, index, x, y, side) {
  const perSheet = map.across ** 2;
  const sheet = sheets[Math.floor(index / perSheet)];
  if (!sheet?.complete || !sheet.naturalWidth) return false;
  const place = index % perSheet;
  const left = (place % map.across) * map.side;
  const top = Math.floor(place / map.across) * map.side;
  brush.imageSmoothingEnabled = side < 3 * map.side;
  brush.drawImage(sheet, left, top, map.side, map.side, x, y, side, side);
  return true;
}

/**
 * Draw the map, in a canvas that fills a stage of this size.
 * @param {HTMLCanvasElement} canvas @param {Size} size @param {Drawn} drawn
 */
export function paintMap(canvas, size, drawn) {
  const { map, view, places, camera, sheets, alone, chosen, active, colors } = drawn;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  const brush = canvas.getContext("2d");
  if (!brush) return;
  brush.scale(ratio, ratio);
  const radius = radiusOf(map.names.length, camera);
  const tile = tileOf(map, view, places, camera, size);
  const point = (/** @type {number} */ index) =>
    onStage(camera, size, places.at[2 * index], places.at[2 * index + 1]);
  const ring = (/** @type {number} */ index, /** @type {string} */ color, /** @type {number} */ width) => {
    const [x, y] = point(index);
    brush.strokeStyle = color;
    brush.lineWidth = width;
    brush.beginPath();
    if (view === "points") brush.arc(x, y, radius + 2 + width / 2, 0, 2 * Math.PI);
    else brush.rect(x - tile / 2, y - tile / 2, tile, tile);
    brush.stroke();
  };
  const one = (/** @type {number} */ index) => {
    const [x, y] = point(index);
    if (x < -tile || y < -tile || x > size.width + tile || y > size.height + tile) return;
    brush.globalAlpha = isShown(map, alone, index) ? 1 : FAINT;
    if (view === "points" || !drawThumbnail(brush, map, sheets, index, x - tile / 2, y - tile / 2, tile)) {
      brush.beginPath();
      brush.arc(x, y, radius, 0, 2 * Math.PI);
      brush.fillStyle = colorOf(map, index);
      brush.fill();
    }
    if (isDream(map, index)) ring(index, colors.ink, 2);
    brush.globalAlpha = 1;
  };
  for (let index = 0; index < map.names.length; index += 1) one(index);
  if (chosen >= 0) {
    brush.strokeStyle = colors.soft;
    brush.lineWidth = 1;
    for (const near of map.neighbors[chosen]) {
      brush.beginPath();
      brush.moveTo(...point(chosen));
      brush.lineTo(...point(near));
      brush.stroke();
    }
    for (const near of map.neighbors[chosen]) {
      one(near);
      ring(near, colors.soft, 1);
    }
    one(chosen);
    ring(chosen, colors.accent, 3);
  }
  if (active >= 0 && active !== chosen) ring(active, colors.ink, 2);
}
