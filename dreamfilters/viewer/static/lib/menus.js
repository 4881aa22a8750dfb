// A menu closes when something else is pressed, and at Esc.

const menus = () => document.querySelectorAll("details.menu[open]");

addEventListener("pointerdown", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});

// Before the page's own keys: what is open closes first.
addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || !menus().length) return;
    event.preventDefault();
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  },
  { capture: true },
);
