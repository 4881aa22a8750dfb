// What a person can make happen, each in one line of the server's.
import { paths, post } from "./api.js";
import { takeDream, takeImage } from "./events.js";
import { handle } from "./network_index.js";
import { go, route } from "./routing.js";
import { app, say } from "./store.js";

/** Do something and tell what goes wrong; returns what came of it, or undefined. */
export async function attempt(deed) {
  try {
    return await deed();
  } catch (error) {
    say(error.message, true);
    return undefined;
  }
}

/** Start a dream; its news come by the stream. */
export const dream = (layer, unit, { recipe, seed = 0 } = {}) =>
  attempt(async () => {
    const wish = { layer, unit, recipe: recipe ?? "", seed };
    const started = await post("api/dreams", wish);
    takeDream(started);
    return started;
  });

/** Let the server make ready what a dream would wait for. */
export const prepare = (layer, unit, recipe) => post("api/dreams/prepare", { layer, unit, recipe }).catch(() => {});

export const cancel = (one) => attempt(async () => takeDream(await post(paths.dreamAct(one, "cancel"))));

export const keep = (one) =>
  attempt(async () => {
    const saved = await post(paths.dreamAct(one, "save"));
    takeDream(saved);
    say(`Saved in ${saved.saved_to}.`);
  });

/** Hand images to the server and show the last one. */
export async function addImages(files) {
  const images = [...files].filter((file) => file.type.startsWith("image/"));
  if (!images.length) {
    if (files.length) say("That is no image file.", true);
    return;
  }
  for (const file of images) {
    const image = await attempt(async () => {
      const name = { "X-Name": encodeURIComponent(file.name || "pasted image") };
      return takeImage(await post("api/images", file, name));
    });
    if (image) look(image);
  }
}

/** Choose one image. */
export const look = (image) => go({ images: [handle(app.get().images, image)] });

/** Choose one more image, or one fewer. */
export function lookAlso(image, now) {
  const { images } = app.get();
  const others = now.filter((one) => one.id !== image.id);
  const next = others.length === now.length ? [...now, image] : others;
  go({ images: next.map((one) => handle(images, one)) });
}

export const forget = (image) =>
  attempt(async () => {
    await post(paths.forget(image));
    const { images } = app.get();
    app.set({ images: images.filter((one) => one.id !== image.id) });
    const name = handle(images, image);
    go({ images: route.get().images.filter((one) => one !== name) });
  });

/** Pin a unit for comparing, or take it out again. */
export function pin(layer, unit) {
  const { pinned } = app.get();
  const others = pinned.filter((one) => one.layer !== layer || one.unit !== unit);
  const added = others.length === pinned.length;
  app.set({ pinned: added ? [...pinned, { layer, unit }] : others });
  say(added ? `${layer}:${unit} is pinned: ${others.length + 1} to compare.` : `${layer}:${unit} is no longer pinned.`);
}

/** Show what is pinned side by side. */
export const compare = () => go({ compare: app.get().pinned, unit: null });

/** Put text on the clipboard. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyOld(text); // without a secure context: by the old way
  }
  say(`Copied ${what}.`);
}

function copyOld(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Light, dark, or as the system has it, one after the other. */
export function turnTheme() {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // A browser that stores nothing forgets it with the page.
  }
  dispatchEvent(new Event("themechange"));
}
