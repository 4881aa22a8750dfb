// Text that fits a width, in pixels; what is cut away is told by three dots.

/** Cut a text's end until it fits, or, with `tail`, its start: the end of a name tells layers of one block apart. */
export function fitted(context, text, width, tail = false) {
  if (context.measureText(text).width <= width) return text;
  const cut = (length) => (tail ? `…${text.slice(text.length - length)}` : `${text.slice(0, length)}…`);
  let length = text.length - 1;
  while (length > 1 && context.measureText(cut(length)).width > width) length -= 1;
  return cut(length);
}

let ruler;

/** A context that measures text in a font. */
export function measuring(font) {
  ruler ??= document.createElement("canvas").getContext("2d");
  ruler.font = font;
  return ruler;
}
