"use strict";
// The map of images on a canvas: points, thumbnails or a grid. Without it the page shows both as plain images.
// eslint-disable-next-line no-unused-vars -- the controls use it
const imageMap = (() => {
  const data = JSON.parse(document.getElementById("values").textContent);
  const count = data.names.length;
  const [stage] = document.getElementsByClassName("stage");
  const canvas = document.getElementById("canvas");
  const context = canvas.getContext("2d");
  const hint = document.getElementById("hint");
  const opened = document.getElementById("opened");
  const NONE = "rgb(150, 150, 150)"; // the color of no class
  const EDGE = 0.04; // of the stage, around the map
  const MOST = 400; // how far the map can be enlarged
  const state = { view: "points", zoom: 1, x: 0.5, y: 0.5, alone: null, chosen: -1, over: -1 };

  const sheets = data.sheets.map((name) => {
    const image = new Image();
    image.addEventListener("load", request);
    image.src = name;
    return image;
  });
  const isDream = (index) => index >= count - data.dreams;
  const groupOf = (index) => (isDream(index) ? "dream" : data.numbers[index]);
  const colorOf = (index) => data.colors[data.numbers[index]] ?? NONE;
  const isShown = (index) => state.alone === null || groupOf(index) === state.alone;

  // Places in a square of side 1, from the upper left corner.
  const [rows, columns] = data.shape;
  const cells = Math.max(rows, columns);
  const onMap = (index) => [data.x[index] / data.fine, 1 - data.y[index] / data.fine];
  const inGrid = (index) => [(data.columns[index] + 0.5) / cells, (data.rows[index] + 0.5) / cells];
  const placeOf = (index) => (state.view === "grid" ? inGrid(index) : onMap(index));

  function scale() {
    return Math.min(stage.clientWidth, stage.clientHeight) * (1 - 2 * EDGE) * state.zoom;
  }

  function toStage([x, y]) {
    const size = scale();
    return [(x - state.x) * size + stage.clientWidth / 2, (y - state.y) * size + stage.clientHeight / 2];
  }

  function tileSize() {
    if (state.view === "grid") return scale() / cells;
    return Math.min(data.side * 2, Math.max(14, 24 * Math.sqrt(state.zoom)));
  }

  const radius = () => Math.min(9, Math.max(1.6, 60 / Math.sqrt(count)) * Math.sqrt(state.zoom));

  function drawTile(target, index, x, y, size) {
    const perSheet = data.across ** 2;
    const sheet = sheets[Math.floor(index / perSheet)];
    if (!sheet.complete || !sheet.naturalWidth) return false;
    const place = index % perSheet;
    const left = (place % data.across) * data.side;
    const top = Math.floor(place / data.across) * data.side;
    target.imageSmoothingEnabled = size < 3 * data.side;
    target.drawImage(sheet, left, top, data.side, data.side, x, y, size, size);
    return true;
  }

  function drawPoint(index, x, y, size) {
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fillStyle = colorOf(index);
    context.fill();
  }

  function ring(x, y, size, color, width) {
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  }

  function drawOne(index, x, y, size) {
    const asImage = state.view !== "points";
    context.globalAlpha = isShown(index) ? 1 : 0.08;
    if (!asImage || !drawTile(context, index, x - size / 2, y - size / 2, size)) drawPoint(index, x, y, radius());
    if (isDream(index)) ring(x, y, asImage ? size * 0.62 : radius() + 3, "white", 2);
    else if (asImage && size > 40) {
      context.lineWidth = 2;
      context.strokeStyle = colorOf(index);
      context.strokeRect(x - size / 2 + 1, y - size / 2 + 1, size - 2, size - 2);
    }
    context.globalAlpha = 1;
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [stage.clientWidth, stage.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const size = tileSize();
    for (let index = 0; index < count; index += 1) {
      const [x, y] = toStage(placeOf(index));
      if (x > -size && y > -size && x < width + size && y < height + size) drawOne(index, x, y, size);
    }
    if (state.chosen >= 0) drawChosen(size);
    document.documentElement.dataset.ready = "yes";
  }

  function drawChosen(size) {
    const from = toStage(placeOf(state.chosen));
    context.strokeStyle = "rgb(255 255 255 / 0.55)";
    context.lineWidth = 1;
    for (const index of data.neighbors[state.chosen]) {
      const to = toStage(placeOf(index));
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
      ring(...to, state.view === "points" ? radius() + 2 : size / 2, "rgb(255 255 255 / 0.8)", 1);
    }
    drawOne(state.chosen, ...from, size);
    ring(...from, state.view === "points" ? radius() + 4 : size * 0.7, "white", 3);
  }

  let requested = false;
  function request() {
    if (requested) return;
    requested = true;
    requestAnimationFrame(() => {
      requested = false;
      draw();
    });
  }

  function nearestTo(x, y) {
    const reach = state.view === "points" ? Math.max(8, radius() + 2) : tileSize() * 0.6;
    let [found, least] = [-1, reach];
    for (let index = 0; index < count; index += 1) {
      if (!isShown(index)) continue;
      const [left, top] = toStage(placeOf(index));
      const distance = Math.hypot(left - x, top - y);
      if (distance <= least) [found, least] = [index, distance];
    }
    return found;
  }

  function describe(index) {
    const label = data.classes[data.numbers[index]] ?? "";
    const dream = isDream(index) ? "dream" : "";
    return [data.names[index], [dream, label].filter(Boolean).join(" of ")];
  }

  function fill(target, index) {
    const side = target.width;
    const brush = target.getContext("2d");
    brush.clearRect(0, 0, side, side);
    drawTile(brush, index, 0, 0, side);
  }

  function showHint(index, x, y) {
    state.over = index;
    canvas.classList.toggle("over", index >= 0);
    hint.hidden = index < 0;
    if (index < 0) return;
    fill(hint.querySelector("canvas"), index);
    hint.querySelector("p").textContent = describe(index).filter(Boolean).join("\n");
    const left = x + 16 + hint.offsetWidth < stage.clientWidth ? x + 16 : x - 16 - hint.offsetWidth;
    const top = Math.min(y + 12, stage.clientHeight - hint.offsetHeight - 8);
    hint.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  function open(index) {
    state.chosen = index;
    opened.hidden = index < 0;
    if (index >= 0) {
      const [name, label] = describe(index);
      fill(opened.querySelector("canvas"), index);
      opened.querySelector(".name").textContent = name;
      opened.querySelector(".class").textContent = label;
      opened.querySelector(".near").replaceChildren(...data.neighbors[index].map(nearButton));
    }
    request();
  }

  function nearButton(index) {
    const button = document.createElement("button");
    const tile = document.createElement("canvas");
    tile.width = tile.height = 64;
    fill(tile, index);
    button.type = "button";
    button.title = describe(index).filter(Boolean).join(", ");
    button.setAttribute("aria-label", button.title);
    button.style.borderColor = colorOf(index);
    button.append(tile);
    button.addEventListener("click", () => open(index));
    return button;
  }

  // Zooms so that the place under (x, y) stays there.
  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const before = scale();
    state.zoom = Math.min(MOST, Math.max(0.5, state.zoom * factor));
    const change = 1 / before - 1 / scale();
    state.x += (x - stage.clientWidth / 2) * change;
    state.y += (y - stage.clientHeight / 2) * change;
    request();
  }

  function move(x, y) {
    state.x -= x / scale();
    state.y -= y / scale();
    request();
  }

  function whole() {
    Object.assign(state, { zoom: 1, x: 0.5, y: 0.5 });
    if (state.view === "grid") Object.assign(state, { x: columns / cells / 2, y: rows / cells / 2 });
    request();
  }

  return { NONE, canvas, count, data, groupOf, move, nearestTo, open, opened, request, showHint, stage, state, whole, zoom };
})();
