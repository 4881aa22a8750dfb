"use strict";
// The slider over the looks; the page shows the last look without it.
(() => {
  const stops = JSON.parse(document.getElementById("data").textContent);
  const slider = document.getElementById("look");
  const play = document.getElementById("play");
  const frames = [...document.querySelectorAll("[data-frame]")];
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const wait = still ? 1500 : 600; // milliseconds of a look
  let timer = 0;

  function show(stop) {
    slider.value = String(stop);
    for (const frame of frames) {
      frame.hidden = Number(frame.dataset.frame) !== stop;
      if (!frame.hidden) frame.parentElement.querySelector("[data-shown]").textContent = frame.dataset.score;
    }
    for (const part of ["name", "numbers", "changed"]) document.getElementById(part).textContent = stops[stop][part];
  }

  function stopPlaying() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  play.addEventListener("click", () => {
    if (timer) {
      stopPlaying();
      return;
    }
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    if (Number(slider.value) === stops.length - 1) show(0);
    timer = setInterval(() => {
      const next = Number(slider.value) + 1;
      if (next < stops.length) show(next);
      else stopPlaying();
    }, wait);
  });
  slider.addEventListener("input", () => {
    stopPlaying();
    show(Number(slider.value));
  });
  for (const link of document.querySelectorAll("[data-stop]")) {
    link.addEventListener("click", () => {
      stopPlaying();
      show(Number(link.dataset.stop));
      slider.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
    });
  }
})();
