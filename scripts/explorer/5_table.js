// A table whose columns sort it, a page of rows at a time.
class SortedTable {
  static size = 50;

  constructor(box, sorted) {
    this.box = box;
    this.told = sorted;
    this.sorting = { key: null, down: true };
  }

  // Columns: {key, label, value(row), write(value), title}; the first one is the row's own button.
  fill(columns, rows, { press, point, caption }) {
    Object.assign(this, { columns, rows, press, point, caption, page: 0 });
    this.draw();
  }

  sort(key) {
    const words = key === this.columns[0].key;
    this.sorting = { key, down: this.sorting.key === key ? !this.sorting.down : !words };
    this.page = 0;
    this.draw();
    this.box.querySelector(`[data-key="${key}"]`).focus();
    this.told();
  }

  sorted() {
    const column = this.columns.find(({ key }) => key === this.sorting.key);
    if (!column) return this.rows;
    const known = (value) => value !== null && value !== undefined;
    const sign = this.sorting.down ? -1 : 1;
    return [...this.rows].sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      if (!known(x) || !known(y)) return known(y) - known(x);
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
    });
  }

  draw() {
    const from = this.page * SortedTable.size;
    const shown = this.sorted().slice(from, from + SortedTable.size);
    const table = make(
      "table",
      { className: "sorted" },
      make("caption", { className: "hidden" }, this.caption),
      make("thead", {}, make("tr", {}, ...this.columns.map((column) => this.head(column)))),
      make("tbody", {}, ...shown.map((row) => this.line(row))),
    );
    const left = this.box.querySelector(".scroll")?.scrollLeft ?? 0;
    this.box.replaceChildren(
      make("div", { className: "scroll" }, table),
      this.pages(from, shown.length),
    );
    this.box.querySelector(".scroll").scrollLeft = left;
  }

  head({ key, label, title }) {
    const here = this.sorting.key === key;
    return make(
      "th",
      {
        scope: "col",
        title,
        "aria-sort": here ? (this.sorting.down ? "descending" : "ascending") : null,
      },
      make(
        "button",
        { type: "button", "data-key": key, onclick: () => this.sort(key) },
        label + (here ? (this.sorting.down ? "\u00a0▾" : "\u00a0▴") : ""),
      ),
    );
  }

  line(row) {
    const [first, ...others] = this.columns;
    return make(
      "tr",
      { onmouseenter: () => this.point?.(row) },
      make(
        "td",
        {},
        make(
          "button",
          {
            type: "button",
            dir: "auto",
            onclick: () => this.press(row),
            onfocus: () => this.point?.(row),
          },
          first.value(row),
        ),
      ),
      ...others.map(({ value, write }) => make("td", {}, write(value(row)))),
    );
  }

  pages(from, shown) {
    const step = (by) => () => {
      this.page += by;
      this.draw();
    };
    const total = this.rows.length;
    const told = make(
      "span",
      { className: "note", role: "status" },
      shown ? `${from + 1}–${from + shown} of ${total.toLocaleString("en")}` : "none",
    );
    if (total <= SortedTable.size) return make("div", { className: "pages" }, told);
    return make(
      "div",
      { className: "pages" },
      make("button", { type: "button", disabled: !from, onclick: step(-1) }, "Back"),
      told,
      make("button", { type: "button", disabled: from + shown >= total, onclick: step(1) }, "More"),
    );
  }
}
