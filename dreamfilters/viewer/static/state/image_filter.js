// @ts-check
// Which images the strip lists: those of a class, those that are not predicted as labeled; the least sure ones first.

/** @typedef {import("../types.js").ImageInfo} ImageInfo */
/** @typedef {{ label: string, wrong: boolean, unsure: boolean }} ImageFilter */

/**
 * Return the images that match a filter, in its order. Images of unknown confidence come last.
 * @param {ImageInfo[]} images
 * @param {ImageFilter} filter
 */
export function filteredImages(images, { label, wrong, unsure }) {
  const matching = images.filter((image) => (!label || image.label === label) && (!wrong || image.mistake));
  return unsure ? matching.sort((a, b) => (a.confidence ?? 2) - (b.confidence ?? 2)) : matching;
}

/**
 * Return the labels of the images, in the order of their first image.
 * @param {ImageInfo[]} images
 */
export const labelsOf = (images) => [...new Set(images.flatMap(({ label }) => label ?? []))];
