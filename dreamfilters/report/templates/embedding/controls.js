"use strict";
// The controls of the map of images: pointer, keys, buttons and the legend.
/* global imageMap */
(() => {
  const { NONE, canvas, count, data, groupOf, move, nearestTo, open } = imageMap;
  const { opened, request, showHint, stage, state, whole, zoom } = imageMap;

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.offsetX, y: event.offsetY, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held === null) {
      showHint(nearestTo(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
      return;
    }
    const [x, y] = [event.offsetX - held.x, event.offsetY - held.y];
    if (!held.moved && Math.hypot(x, y) < 4) return;
    showHint(-1);
    canvas.classList.add("moving");
    move(x, y);
    held = { x: event.offsetX, y: event.offsetY, moved: true };
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held !== null && !held.moved) open(nearestTo(event.offsetX, event.offsetY));
    held = null;
    canvas.classList.remove("moving");
  });
  canvas.addEventListener("pointercancel", () => (held = null));
  canvas.addEventListener("pointerleave", () => showHint(-1));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    },
    { passive: false },
  );
  const STEP = 60; // pixels of an arrow key
  const keys = {
    ArrowLeft: () => move(STEP, 0),
    ArrowRight: () => move(-STEP, 0),
    ArrowUp: () => move(0, STEP),
    ArrowDown: () => move(0, -STEP),
    "+": () => zoom(1.5),
    "=": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
    0: whole,
    Escape: () => open(-1),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  opened.querySelector(".close").addEventListener("click", () => open(-1));
  for (const button of document.querySelectorAll("[data-zoom]")) {
    const factor = Number(button.dataset.zoom);
    button.addEventListener("click", () => (factor ? zoom(factor) : whole()));
  }
  const views = [...document.querySelectorAll("[data-view]")];
  for (const button of views) {
    button.addEventListener("click", () => {
      state.view = button.dataset.view;
      for (const other of views) other.setAttribute("aria-pressed", String(other === button));
      whole();
    });
  }

  function legendEntry(group, name, color, total) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const dot = document.createElement("i");
    if (group === "dream") dot.className = "dream";
    else dot.style.background = color;
    const [label, number] = [document.createElement("span"), document.createElement("span")];
    label.textContent = name;
    number.textContent = String(total);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(dot, label, number);
    button.addEventListener("click", () => {
      state.alone = state.alone === group ? null : group;
      for (const other of document.querySelectorAll("#legend button")) {
        other.setAttribute("aria-pressed", String(other === button && state.alone !== null));
      }
      request();
    });
    item.append(button);
    return item;
  }

  const totals = new Map();
  for (let index = 0; index < count; index += 1) totals.set(groupOf(index), (totals.get(groupOf(index)) ?? 0) + 1);
  const entries = data.classes.map((name, group) => [group, name, data.colors[group]]);
  entries.push(["dream", "dreams", ""], [-1, "no class", NONE]);
  const used = entries.filter(([group]) => totals.has(group));
  document
    .querySelector("#legend ul")
    .append(...used.map(([group, name, color]) => legendEntry(group, name, color, totals.get(group))));

  document.getElementById("still").hidden = true;
  document.getElementById("map").hidden = false;
  new ResizeObserver(request).observe(stage);
  whole();
})();
