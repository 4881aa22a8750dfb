// @ts-check
// The start of the page: follow the address, the keys and the server, and render.
import { html, render } from "./lib/html.js";
import { handleKey } from "./lib/keys.js";
import { followServer } from "./state/events.js";
import { followAddress } from "./state/routing.js";
import { App } from "./views/app.js";

followAddress();
addEventListener("keydown", handleKey);
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
render(html`<${App} />`, root);
document.documentElement.dataset.ready = "yes";
followServer();
