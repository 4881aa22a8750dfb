"use strict";
// The order of the confusion matrix, and of the table of classes; the page works without it.
(() => {
  const orders = JSON.parse(document.getElementById("orders").textContent);
  const matrix = document.getElementById("matrix-table");
  const [head] = matrix.tHead.rows;
  const body = matrix.tBodies[0];
  const rows = [...body.rows];
  const lines = [head, ...rows].map((row) => ({ row, cells: [...row.cells] })); // the first cell is that of the labels
  const select = document.getElementById("order");

  function arrange(order) {
    for (const { row, cells } of lines) {
      const rest = cells.slice(order.length + 1); // the column of no class
      row.replaceChildren(cells[0], ...order.map((place) => cells[place + 1]), ...rest);
    }
    body.replaceChildren(...order.map((place) => rows[place]));
  }

  select.addEventListener("change", () => arrange(orders[select.value]));
  select.closest("[hidden]").hidden = false;
  arrange(orders[select.value]); // the browser restores the choice on going back

  const classes = document.getElementById("class-table");
  const headings = [...classes.tHead.rows[0].cells];

  function valueOf(row, column) {
    const { dataset, textContent } = row.cells[column];
    return dataset.value === undefined ? textContent.toLowerCase() : Number(dataset.value);
  }

  function compare(a, b) {
    return typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
  }

  function sort(column) {
    const heading = headings[column];
    const falls = heading.ariaSort === "ascending";
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
    const sorted = [...classes.tBodies[0].rows].sort((a, b) => compare(valueOf(a, column), valueOf(b, column)));
    classes.tBodies[0].replaceChildren(...(falls ? sorted.reverse() : sorted));
  }

  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => sort(column));
  });
  document.documentElement.dataset.ready = "yes";
})();
