// The page starts here: listen to the server, draw the view that the link names.
import { listen } from "./state/events.js";
import { html, render } from "./lib/html.js";
import "./lib/menus.js";
import { App } from "./views/app.js";

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
document.documentElement.dataset.ready = "yes";
listen();
