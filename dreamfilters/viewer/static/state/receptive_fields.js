// Which part of the image a place of a map sees, and which place of a map looks at a point of the image.
import { get, paths } from "./api.js";
import { useResource } from "./resources.js";

/** Return the geometry of a layer's maps in a view, or null while it is unknown or every place sees everything. */
export function usePlacing(layer, form, full) {
  const known = layer && form && full && layer.display === "maps" && layer.receptive_field?.size;
  const address = known ? `placing of ${layer.id} at ${full}` : null;
  return useResource(address, () => placing(layer, form, full)).value ?? null;
}

/** From the fields of the first and the last place: centers and sizes, in fractions of the image, each way. */
export async function placing(layer, form, [height, width]) {
  const [first, last] = await Promise.all([
    get(paths.receptiveField(layer.id, 0, 0)),
    get(paths.receptiveField(layer.id, height - 1, width - 1)),
  ]);
  const way = (axis, count, side) =>
    along(first.box[axis + 2], last.box[axis], layer.receptive_field.size[axis] / side, count);
  return { rows: way(0, height, form.height), columns: way(1, width, form.width) };
}

// The image cuts the first field at its start and the last one at its end, so their inner ends tell the centers.
function along(end, start, size, count) {
  const whole = size >= 1 || count < 2 || end >= 1 || start <= 0;
  if (whole) return { first: 0.5 / count, step: 1 / count, size, count };
  const first = end - size / 2;
  return { first, step: (start + size / 2 - first) / (count - 1), size, count };
}

const center = ({ first, step }, place) => first + step * place;
const span = (way, place) => {
  const middle = center(way, place);
  return [Math.max(0, middle - way.size / 2), Math.min(1, middle + way.size / 2)];
};
const nearest = ({ first, step, count }, at) => Math.min(Math.max(Math.round((at - first) / step), 0), count - 1);

/** What a place sees: [top, left, bottom, right] in fractions of the image. */
export function fieldOf(placed, row, column) {
  const [top, bottom] = span(placed.rows, row);
  const [left, right] = span(placed.columns, column);
  return [top, left, bottom, right];
}

/** The center of what a place sees: [down, across] in fractions of the image. */
export const centerOf = (placed, row, column) => [center(placed.rows, row), center(placed.columns, column)];

/** The place that looks at a point of the image: [row, column]. */
export const placeAt = (placed, down, across) => [nearest(placed.rows, down), nearest(placed.columns, across)];
