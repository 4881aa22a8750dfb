// @ts-check
// Text that is shortened to a width in pixels.

/**
 * Shorten a text at its end, or with `middle` in its middle: both ends of a name distinguish layers.
 * @param {Pick<CanvasRenderingContext2D, "measureText">} context
 * @param {string} text
 * @param {number} width
 * @param {boolean} [middle]
 */
export function fitText(context, text, width, middle = false) {
  if (context.measureText(text).width <= width) return text;
  /** @param {number} length */
  const shortened = (length) => {
    const head = middle ? Math.floor(length / 2) : length;
    return `${text.slice(0, head)}…${text.slice(text.length - length + head)}`;
  };
  let length = text.length - 1;
  while (length > 1 && context.measureText(shortened(length)).width > width) length -= 1;
  return shortened(length);
}

/** @type {CanvasRenderingContext2D | undefined} */
let ruler;

/**
 * Return a context that measures text in a font.
 * @param {string} font as CSS writes it
 */
export function textRuler(font) {
  ruler ??= /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  ruler.font = font;
  return ruler;
}
