// @ts-check
// The confusion matrix: a row for each label, a column for each predicted class; a cell opens its images.
import { html, names, useState } from "../../lib/html.js";
import { plural } from "../../lib/number_format.js";
import { classInText } from "../../state/network_index.js";
import { go } from "../../state/routing.js";
import { Field, Select } from "../shared/controls.js";

/** @typedef {import("../../types.js").ConfusionTable} ConfusionTable */
/** @typedef {import("../../types.js").NetworkIndex} NetworkIndex */
/** @typedef {import("../../types.js").View} View */

const NONE = "no class";
const FIRST = "confused classes together";

/** @param {{ view: View, net: NetworkIndex, table: ConfusionTable }} props */
export function Matrix({ view, net, table }) {
  const [order, setOrder] = useState(FIRST);
  const [under, setUnder] = useState(/** @type {[number, number] | null} */ (null));
  const places = table.orders[order] ?? table.orders.class;
  const columns = table.has_none ? [...places, table.labels.length] : places;
  const [row, column] = under ?? [null, null];
  const at = row === null || column === null ? view.cell : cellOf(table, row, column);
  /** @param {Event} event */
  const find = (event) => {
    const cell = /** @type {HTMLElement} */ (event.target).closest("td");
    setUnder(cell ? [Number(cell.dataset.row), Number(cell.dataset.column)] : null);
  };
  /** @param {MouseEvent} event */
  const press = (event) => {
    const cell = /** @type {HTMLElement} */ (event.target).closest("td");
    if (cell) go({ page: "errors", cell: cellOf(table, Number(cell.dataset.row), Number(cell.dataset.column)) });
  };
  return html`
    <section aria-label="Confusion matrix">
      <div class="toolbar">
        <${Field} label="Order"><${Select} label="Order of the classes" value=${order} onChange=${setOrder}
            options=${Object.fromEntries(Object.keys(table.orders).map((name) => [name, name]))} /><//>
        <span class="small soft">rows: labels; columns: predicted classes${table.more ? `; ${plural(table.more, "class")} without many mistakes not shown` : ""}</span>
      </div>
      <p class="matrix-text small" role="status">${at ? cellText(net, table, at) : "Point at a cell."}</p>
      <div class="table-scroll">
        <table class="matrix" style=${{ "--columns": String(columns.length) }} onPointerOver=${find} onPointerLeave=${() => setUnder(null)} onClick=${press}>
          <tbody>${places.map(
            (rowPlace) => html`
            <tr key=${rowPlace}>
              <th scope="row" class=${names(rowPlace === row && "on")}>${net.classes[table.labels[rowPlace]]}</th>
              ${columns.map((columnPlace) => {
                const count = table.counts[rowPlace][columnPlace];
                const cell = cellOf(table, rowPlace, columnPlace);
                const chosen = view.cell && view.cell[0] === cell[0] && view.cell[1] === cell[1];
                return html`<td key=${columnPlace} data-row=${rowPlace} data-column=${columnPlace}
                    class=${names(`level-${table.levels[rowPlace][columnPlace]}`, rowPlace === columnPlace && "right", chosen && "chosen")}>
                  ${count ? html`<button aria-label=${cellText(net, table, cell)}>${count}</button>` : ""}</td>`;
              })}
            </tr>`,
          )}</tbody>
        </table>
      </div>
    </section>`;
}

/**
 * Return label and predicted class of a cell, -1 for no class.
 * @param {ConfusionTable} table @param {number} row @param {number} column
 * @returns {[number, number]}
 */
const cellOf = (table, row, column) => [table.labels[row], table.labels[column] ?? -1];

/** @param {NetworkIndex} net @param {ConfusionTable} table @param {[number, number]} cell */
function cellText(net, table, [label, predicted]) {
  const counts = table.counts[table.labels.indexOf(label)];
  const column = predicted < 0 ? table.labels.length : table.labels.indexOf(predicted);
  const count = counts?.[column];
  const total = counts?.reduce((sum, each) => sum + each, 0);
  const of = count === undefined ? "" : `${count} of ${plural(total, "image")} of `;
  const name = (/** @type {number} */ number) => classInText(net.classes[number] ?? String(number), number);
  return `${of}${name(label)} predicted as ${predicted < 0 ? NONE : name(predicted)}`;
}
