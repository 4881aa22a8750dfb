// A view as a PNG: everything of it, also what is scrolled away, with its title, its scale and its names.
import { paths } from "../../state/api.js";
import { painter } from "../../lib/map_painting.js";
import { look } from "../../lib/theme_colors.js";
import { figures, sizes } from "../../lib/number_format.js";
import { valueOf } from "../../state/resources.js";
import { extent, paintValues, whole } from "../../state/map_sheets.js";
import { attempt } from "../../state/actions.js";
import { say } from "../../state/store.js";
import { strongestOf } from "../../state/selectors.js";
import { paintBar } from "./color_scale.js";

const PAD = 24;
const HEAD = 64;
const LABEL = 20;
const GAP = 10;
const MOST = 8000; // pixels of a side: some browsers draw no larger canvas

/** Save the units of a layer as they are sorted and painted. */
export function saveGrid({ view, layer, images, sheets, units, endsOf }) {
  return attempt(async () => {
    const known = sheets.filter(Boolean);
    if (!known.length) throw new Error("The maps are still on their way.");
    const tile = { s: 44, m: 76, l: 132 }[view.size];
    const paint = painter(units, endsOf, view.colors);
    const tiles = units.map((unit, at) => ({
      label: known[0].display === "bars" ? `${unit}: ${figures(known[0].maximum[unit])}` : `${unit}`,
      width: tile * known.length + 3 * (known.length - 1),
      draw: (context, x, y) =>
        known.forEach((sheet, number) => paint(context, sheet, at, x + number * (tile + 3), y, tile)),
    }));
    const imaged = images.map((image) => image.label ?? image.name).join(", ");
    const scaled = { unit: "each unit's own", layer: "one for all", fixed: "fixed" }[view.scale];
    const about = `${imaged}; ${sizes(layer.shape)}; scale: ${scaled}`;
    const ends = view.scale === "unit" ? null : view.scale === "fixed" ? [view.low, view.high] : whole(known);
    await save(
      page({ title: layer.name, about, tiles, tile, ends, colors: view.colors, columns: 16 }),
      `${layer.name}.png`,
    );
  });
}

/** Save a unit: its dream, the image and the strongest real images, each over its map, on one scale. */
export function saveUnit({ view, layer, unit, named, facts, images, dream }) {
  return attempt(async () => {
    const side = 160;
    const columns = [
      dream?.phase === "done" && {
        label: "dream",
        value: dream.score,
        image: paths.dreamImage(dream),
        map: paths.dreamMap(dream),
      },
      ...images
        .slice(0, 3)
        .map((image) => ({
          label: image.label ?? image.name,
          image: paths.image(image, "input"),
          map: paths.map(layer.id, image, unit),
        })),
      ...strongestOf(facts, 6).map((one) => ({
        label: one.name,
        value: one.response,
        image: paths.image({ id: one.image }, "input"),
        map: paths.map(layer.id, { id: one.image }, unit),
      })),
    ].filter(Boolean);
    const maps =
      layer.display === "maps" ? await Promise.all(columns.map(({ map }) => valueOf(map).catch(() => null))) : [];
    const loadedImages = await Promise.all(columns.map(({ image }) => loaded(image)));
    const all = maps.filter(Boolean).map((map) => extent(map.values));
    const ends = all.length
      ? [Math.min(0, ...all.map(([low]) => low)), Math.max(0, ...all.map(([, high]) => high))]
      : null;
    const tiles = columns.map(({ label, value }, at) => ({
      label: labeled(label, maps[at] ? extent(maps[at].values)[1] : value),
      width: side,
      draw: (context, x, y) => {
        context.imageSmoothingEnabled = true;
        if (loadedImages[at]) context.drawImage(loadedImages[at], x, y, side, side);
        if (!maps[at]) return;
        context.imageSmoothingEnabled = false;
        context.drawImage(
          paintValues(document.createElement("canvas"), maps[at].values, ends, view.colors),
          x,
          y + side + 6,
          side,
          side,
        );
      },
    }));
    const about = facts?.verdict?.sentence ?? `unit ${unit} of ${layer.name}`;
    const high = maps.some(Boolean) ? 2 * side + 6 : side;
    await save(
      page({ title: named, about, tiles, tile: high, ends, colors: view.colors, columns: columns.length }),
      `${named}.png`,
    );
  });
}

// With the greatest value of its map, as the page tells it.
const labeled = (label, value) => (Number.isFinite(value) ? `${figures(value)} ${label}` : label);

function page({ title, about, tiles, tile, ends, colors, columns }) {
  const color = look();
  const across = Math.min(columns, tiles.length);
  const rows = Math.ceil(tiles.length / across);
  const wide = tiles[0].width + GAP;
  const high = tile + LABEL + GAP;
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(MOST, Math.max(480, 2 * PAD + across * wide - GAP));
  canvas.height = Math.min(MOST, 2 * PAD + HEAD + rows * high);
  const context = canvas.getContext("2d");
  context.fillStyle = color.ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  write(context, title, `600 20px ${color.font}`, color.ink, PAD, PAD + 18);
  write(context, about, `12px ${color.font}`, color.soft, PAD, PAD + 38);
  if (ends) scale(context, ends, colors, color);
  tiles.forEach((one, at) => {
    const [x, y] = [PAD + (at % across) * wide, PAD + HEAD + Math.floor(at / across) * high];
    one.draw(context, x, y);
    context.save();
    context.beginPath();
    context.rect(x, y + tile, one.width, LABEL);
    context.clip();
    write(context, one.label, `11.5px ${color.font}`, color.soft, x, y + tile + 14);
    context.restore();
  });
  return canvas;
}

function scale(context, [low, high], colors, color) {
  const bar = paintBar(Object.assign(document.createElement("canvas"), { width: 256, height: 1 }), colors);
  const y = PAD + 50;
  write(context, figures(low), `11.5px ${color.font}`, color.soft, PAD, y + 8);
  const from = PAD + context.measureText(figures(low)).width + 6;
  context.drawImage(bar, from, y, 160, 8);
  write(context, figures(high), `11.5px ${color.font}`, color.soft, from + 166, y + 8);
}

function write(context, text, font, color, x, y) {
  context.font = font;
  context.fillStyle = color;
  context.fillText(text, x, y);
}

function loaded(address) {
  return new Promise((done) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => done(null);
    image.src = address;
  });
}

async function save(canvas, name) {
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\p{L}\p{N}._-]+/gu, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say(`Saved ${link.download}.`);
}
