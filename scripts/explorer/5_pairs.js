// Pairs of one comparison, corpus and method, with columns in place of their numbers.
function openPairs(data, view) {
  const column = (place) => (place === null ? null : data.columns[place]);
  const columns = (places) => places.map(column);
  const lengths = columns(view.lengths);
  const running = (sizes) => sizes.reduce((sums, size) => [...sums, sums.at(-1) + size], [0]);
  const opened = { ...view, lengths, pairs: column(view.pairs), score: column(view.score) };
  for (const name of ["texts", "tokens", "special", "similarity", "attribution", "error"])
    opened[name] = columns(view[name]);
  opened.starts = lengths.map(running);
  opened.cells = running(lengths[0].map((n, p) => (n + 1) * (lengths[1][p] + 1)));
  opened.ids = opened.pairs;
  opened.inexact = [];
  return opened;
}

// Of a pair: both sentences, score and similarities, lines between words and the matrix.
class PairView {
  constructor(data, theme, remember) {
    Object.assign(this, { data, theme, remember, stage: 0, pair: 0, place: [0, 0], whole: false });
    this.opened = new Map();
    this.list = new SentenceList(at("pair-list"), (pair) => this.show(pair, true), "pair");
    const told = ({ comparison, corpus, method }) =>
      `${comparison}: ${corpus}, ${data.methods[method] ?? method}`;
    const option = (view, k) => make("option", { value: String(k) }, told(view));
    at("pairs-of").replaceChildren(...data.pairs.map(option));
    at("pairs-of").addEventListener("change", () => this.open(true));
    at("pair-query").addEventListener("input", () => this.search());
    at("pair-whole").addEventListener("change", () => {
      Object.assign(this, { whole: at("pair-whole").checked, place: [0, 0] });
      this.draw();
      remember(false);
    });
    at("pair-matrix").addEventListener("keydown", (event) => this.key(event));
    at("pair-svg").addEventListener("click", () =>
      save(this.fileOf("svg"), this.drawing(), "image/svg+xml"),
    );
    at("pair-png").addEventListener("click", async () =>
      save(this.fileOf("png"), await pixelsOf(this.drawing()), "image/png"),
    );
  }

  open(step) {
    const entry = this.data.pairs[Number(at("pairs-of").value)];
    if (!this.opened.has(entry)) this.opened.set(entry, openPairs(this.data, entry));
    this.view = this.opened.get(entry);
    const both = (p) => `${this.view.texts[0][p]} — ${this.view.texts[1][p]}`;
    this.listed = { ids: this.view.ids, inexact: [], texts: this.view.pairs.map((_, p) => both(p)) };
    this.stage = this.view.encoders.length - 1;
    this.pair = 0;
    this.search();
    this.show(this.pair, step);
  }

  search() {
    const query = at("pair-query").value.trim().toLowerCase();
    const all = [...this.view.pairs.keys()];
    const read = (p) => `${this.view.ids[p]}\n${this.listed.texts[p]}`.toLowerCase();
    const found = all.filter((p) => read(p).includes(query));
    const more = this.view.left_out ? `, ${written(this.view.left_out)} more are not shown` : "";
    at("pairs-found").textContent =
      `${query ? `${written(found.length)} of ` : ""}${written(all.length)} pairs${more}`;
    if (found.length && !found.includes(this.pair)) this.show(found[0], false);
    this.list.fill(this.listed, found, this.pair);
  }

  show(pair, step) {
    Object.assign(this, { pair, place: [0, 0] });
    this.draw();
    this.remember(step);
  }

  // Attribution, or error, of a token of each side; -1 is the baseline.
  value(name, stage, i, j) {
    const { lengths, cells } = this.view;
    const place = (i + 1) * (lengths[1][this.pair] + 1) + j + 1;
    return this.view[name][stage][cells[this.pair] + place];
  }

  similarity(stage) {
    return this.view.similarity[stage][this.pair].toFixed(2).replace("-", "−");
  }

  // What is shown: places of the tokens of each side, their names, and values by the encoder.
  shown() {
    const { view, pair } = this;
    const sides = [0, 1].map((side) => {
      const start = view.starts[side][pair];
      const all = Array.from({ length: view.lengths[side][pair] }, (_, k) => k);
      const own = all.filter((k) => this.whole || !view.special[side][start + k]);
      return this.whole ? [-1, ...own] : own;
    });
    const names = sides.map((places, side) =>
      places.map((k) => (k < 0 ? "baseline" : view.tokens[side][view.starts[side][pair] + k])),
    );
    const by = (stage) => sides[0].map((i) => sides[1].map((j) => this.value("attribution", stage, i, j)));
    const every = view.encoders.map((_, stage) => by(stage));
    const ofTokens = (matrix) => (this.whole ? matrix.slice(1).map((row) => row.slice(1)) : matrix);
    const most = Math.max(...every.map(ofTokens).flat(2).map(Math.abs), 1e-12);
    return { sides, names, values: every[this.stage], most };
  }

  draw() {
    const { view, pair } = this;
    const score = view.score?.[pair] ?? null;
    at("pair-heading").textContent =
      `Pair ${view.pairs[pair]}${score === null ? "" : `, score ${score}`}`;
    for (const side of [0, 1]) at(`pair-text-${side}`).textContent = view.texts[side][pair];
    this.current = this.shown();
    this.drawEncoders();
    at("pair-sum").textContent = this.sums();
    const act = {
      cell: (i, j) => ({
        role: "gridcell",
        tabindex: i === this.place[0] && j === this.place[1] ? 0 : -1,
        "aria-label": this.told(i, j),
        class: "cell",
        onmouseenter: () => this.point(i, j),
        onfocus: () => this.point(i, j),
        onclick: () => this.point(i, j),
      }),
      column: () => ({ role: "columnheader" }),
      line: (i, j) => ({ "data-i": i, "data-j": j, class: "line" }),
      token: (side, k) => ({
        class: "word",
        onmouseenter: () => this.follow(side, k),
        onmouseleave: () => this.follow(null),
      }),
    };
    const theme = this.theme();
    at("pair-lines").replaceChildren(linesOf(this.current, theme, act));
    at("pair-matrix").replaceChildren(matrixOf(this.current, theme, act));
    this.point(...this.place);
  }

  drawEncoders() {
    const { view } = this;
    const labels = view.encoders.map((encoder, stage) => {
      const input = make("input", { type: "radio", name: "pair-encoder", value: String(stage) });
      input.checked = stage === this.stage;
      input.addEventListener("change", () => {
        this.stage = stage;
        this.draw();
        at("pair-encoders").querySelectorAll("input")[stage].focus();
        this.remember(false);
      });
      const similarity = make("b", {}, this.similarity(stage));
      return make("label", {}, input, make("span", {}, `${encoder} `, similarity));
    });
    const legend = `${view.kind === "dot" ? "Dot product" : "Cosine"} by`;
    at("pair-encoders").replaceChildren(make("legend", {}, legend), ...labels);
  }

  // What adds up to the similarity: pairs of words, of special tokens, and what involves a baseline.
  sums() {
    const { view, pair, stage } = this;
    const found = { words: 0, special: 0, baselines: 0 };
    const special = (side, k) => view.special[side][view.starts[side][pair] + k];
    for (let i = -1; i < view.lengths[0][pair]; i++)
      for (let j = -1; j < view.lengths[1][pair]; j++) {
        const aside = i >= 0 && j >= 0 && (special(0, i) || special(1, j));
        const kind = i < 0 || j < 0 ? "baselines" : aside ? "special" : "words";
        found[kind] += this.value("attribution", stage, i, j);
      }
    const two = (value) => signed(value, (size) => size.toFixed(2));
    return (
      `${two(found.words)} of pairs of words, ${two(found.special)} with special tokens, ` +
      `${two(found.baselines)} with baselines`
    );
  }

  told(i, j) {
    const { names, sides } = this.current;
    const [k, l] = [sides[0][i], sides[1][j]];
    const each = this.view.encoders.map((encoder, stage) => {
      const error = this.value("error", stage, k, l);
      const sure = error === null ? "" : ` ± ${written(error)}`;
      return `${signed(this.value("attribution", stage, k, l), written)}${sure} by ${encoder}`;
    });
    return `${names[0][i]} and ${names[1][j]}: ${each.join(", ")}`;
  }

  // Marks a pair of tokens in both drawings, and tells it.
  point(i, j) {
    const cells = at("pair-matrix").querySelectorAll(".cell");
    const columns = this.current.names[1].length;
    cells[this.place[0] * columns + this.place[1]]?.setAttribute("tabindex", -1);
    this.place = [i, j];
    cells.forEach((cell, k) => cell.classList.toggle("current", k === i * columns + j));
    cells[i * columns + j]?.setAttribute("tabindex", 0);
    for (const line of at("pair-lines").querySelectorAll(".line"))
      line.classList.toggle("current", +line.dataset.i === i && +line.dataset.j === j);
    at("pair-cell").textContent = cells.length ? this.told(i, j) : "";
  }

  // Leaves the lines of one token alone; of null, all.
  follow(side, k) {
    for (const line of at("pair-lines").querySelectorAll(".line"))
      line.classList.toggle("away", side !== null && Number(side ? line.dataset.j : line.dataset.i) !== k);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [i, j] = this.place;
    const [rows, columns] = this.current.names.map((side) => side.length);
    const to = {
      ArrowRight: [i, Math.min(j + 1, columns - 1)],
      ArrowLeft: [i, Math.max(j - 1, 0)],
      ArrowDown: [Math.min(i + 1, rows - 1), j],
      ArrowUp: [Math.max(i - 1, 0), j],
      Home: [i, 0],
      End: [i, columns - 1],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    at("pair-matrix").querySelectorAll(".cell")[to[0] * columns + to[1]].focus();
  }

  drawing() {
    const { view, pair, stage } = this;
    const what = `${view.kind} by ${view.encoders[stage]}: ${this.similarity(stage)}; cells in hundredths`;
    return pairDrawing(this.current, [view.texts[0][pair], view.texts[1][pair], what]);
  }

  fileOf(kind) {
    const { view } = this;
    return [view.encoders[this.stage], view.method, view.corpus, view.pairs[this.pair], kind].join(".");
  }

  address() {
    const whole = this.whole ? "yes" : null;
    const pairs = { pairs: at("pairs-of").value, pair: this.view.pairs[this.pair] };
    return { show: "pairs", ...pairs, encoder: this.view.encoders[this.stage], whole };
  }

  restore(wanted) {
    const entry = this.data.pairs[Number(wanted.pairs)] ? wanted.pairs : "0";
    at("pairs-of").value = entry;
    at("pair-query").value = "";
    at("pair-whole").checked = this.whole = wanted.whole === "yes";
    this.open(false);
    const stage = this.view.encoders.indexOf(wanted.encoder);
    if (stage >= 0) this.stage = stage;
    this.show(Math.max(0, this.view.pairs.indexOf(Number(wanted.pair ?? NaN))), false);
    this.search();
  }
}
