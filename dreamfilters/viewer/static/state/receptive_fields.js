// @ts-check
// Receptive fields: which part of the image a map position sees, and which position sees a point of the image.
import { getJson, paths } from "./api.js";
import { useResource } from "./resources.js";

/** @typedef {import("../types.js").Box} Box */
/** @typedef {import("../types.js").FieldAxis} FieldAxis */
/** @typedef {import("../types.js").FieldGeometry} FieldGeometry */
/** @typedef {import("../types.js").InputForm} InputForm */
/** @typedef {import("../types.js").Layer} Layer */

/**
 * Return the receptive fields of a layer, or the patches of its tokens, in a view; null where they are unknown or the
 * whole image.
 * @param {Layer | null} layer
 * @param {InputForm | undefined} form
 * @param {[number, number] | null | undefined} size rows and columns of its maps
 * @returns {FieldGeometry | null}
 */
export function useFieldGeometry(layer, form, size) {
  const known = layer && form && size && layer.display === "maps" && fieldSize(layer) ? { layer, form, size } : null;
  const address = known && `field geometry of ${known.layer.id} at ${known.size}`;
  return useResource(address, () => fetchFieldGeometry(known?.layer, known?.form, known?.size)).value ?? null;
}

/**
 * Return the receptive fields of a layer, from those of the first and the last position of its maps.
 * @param {Layer | undefined} layer
 * @param {InputForm | undefined} form
 * @param {[number, number] | undefined} size
 * @returns {Promise<FieldGeometry | null>}
 */
export async function fetchFieldGeometry(layer, form, size) {
  const field = layer && fieldSize(layer);
  if (!field || !form || !size) return null;
  const [height, width] = size;
  const [first, last] = await Promise.all([
    getJson(paths.receptiveField(layer.id, 0, 0)),
    getJson(paths.receptiveField(layer.id, height - 1, width - 1)),
  ]);
  const [high, wide] = [field[0] / form.height, field[1] / form.width];
  return {
    rows: fieldAxis(first.box[2], last.box[0], high, height),
    columns: fieldAxis(first.box[3], last.box[1], wide, width),
  };
}

/** The size of a receptive field or of a token's patch in pixels. @param {Layer} layer */
const fieldSize = ({ receptive_field: field, grid }) => grid?.patch ?? field?.size;

/**
 * Return one axis of the receptive fields, in fractions of the image.
 *
 * The image clips the first field at its start and the last one at its end; their inner ends give the centers.
 * @param {number} firstEnd the end of the first field
 * @param {number} lastStart the start of the last field
 * @param {number} size of a field that is not clipped
 * @param {number} count of positions
 * @returns {FieldAxis}
 */
export function fieldAxis(firstEnd, lastStart, size, count) {
  const coversImage = size >= 1 || count < 2 || firstEnd >= 1 || lastStart <= 0;
  if (coversImage) return { first: 0.5 / count, step: 1 / count, size, count };
  const first = firstEnd - size / 2;
  return { first, step: (lastStart + size / 2 - first) / (count - 1), size, count };
}

/** @param {FieldAxis} axis @param {number} index */
const centerAt = ({ first, step }, index) => first + step * index;

/** @param {FieldAxis} axis @param {number} index */
const extentAt = (axis, index) => [
  Math.max(0, centerAt(axis, index) - axis.size / 2),
  Math.min(1, centerAt(axis, index) + axis.size / 2),
];

/** @param {FieldAxis} axis @param {number} point */
const nearest = ({ first, step, count }, point) => Math.min(Math.max(Math.round((point - first) / step), 0), count - 1);

/**
 * Return the receptive field of a position.
 * @param {FieldGeometry} geometry
 * @param {number} row
 * @param {number} column
 * @returns {Box}
 */
export function receptiveField({ rows, columns }, row, column) {
  const [[top, bottom], [left, right]] = [extentAt(rows, row), extentAt(columns, column)];
  return [top, left, bottom, right];
}

/**
 * Return the center of the receptive field of a position: [down, across] in fractions of the image.
 * @param {FieldGeometry} geometry
 * @param {number} row
 * @param {number} column
 * @returns {[number, number]}
 */
export const fieldCenter = ({ rows, columns }, row, column) => [centerAt(rows, row), centerAt(columns, column)];

/**
 * Return the position whose receptive field is centered nearest to a point of the image: [row, column].
 * @param {FieldGeometry} geometry
 * @param {number} down
 * @param {number} across
 */
export const positionAt = ({ rows, columns }, down, across) => [nearest(rows, down), nearest(columns, across)];
