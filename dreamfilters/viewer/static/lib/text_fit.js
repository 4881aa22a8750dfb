// Text that fits a width, in pixels; what is cut away is told by three dots.

/** Cut a text's end until it fits, or, with `middle`, what is between: both ends of a name tell layers apart. */
export function fitted(context, text, width, middle = false) {
  if (context.measureText(text).width <= width) return text;
  const cut = (length) => {
    const kept = middle ? Math.floor(length / 2) : length;
    return `${text.slice(0, kept)}…${text.slice(text.length - length + kept)}`;
  };
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
