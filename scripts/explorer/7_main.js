const state = { show: "sentences", scale: "share", tab: "tokens", sentence: 0, token: 0, type: null };

async function start() {
  const data = await readData();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () =>
    at("theme").value === "light dark" ? (dark.matches ? "dark" : "light") : at("theme").value;
  const opened = new Map();
  const list = new SentenceList(at("list"), showSentence);
  const rows = new TokenRows(at("rows"), at("legend"), showToken);
  const remember = () => writeAddress(addressOf(), false);
  const tables = {
    tokens: new SortedTable(at("table"), remember),
    types: new SortedTable(at("table"), remember),
  };
  const pairs = data.pairs.length
    ? new PairView(data, theme, (step) => writeAddress(addressOf(), step))
    : null;
  let view;
  let wanted = {};

  function unique(key, chosen) {
    const fits = (entry) => Object.entries(chosen).every(([name, value]) => entry[name] === value);
    return [...new Set(data.views.filter(fits).map((entry) => entry[key]))];
  }

  // Fills a select, keeping what is chosen where it can.
  function offer(key, chosen) {
    const select = at(key);
    const kept = wanted[key] ?? select.value;
    const values = unique(key, chosen);
    const label = (value) => (key === "method" ? (data.methods[value] ?? value) : value);
    select.replaceChildren(...values.map((value) => make("option", { value }, label(value))));
    select.value = values.includes(kept) ? kept : values[0];
    return select.value;
  }

  function showView() {
    const comparison = offer("comparison", {});
    const method = offer("method", { comparison });
    const corpus = offer("corpus", { comparison, method });
    const entry = data.views.find(
      (v) => v.comparison === comparison && v.method === method && v.corpus === corpus,
    );
    if (!opened.has(entry)) opened.set(entry, openView(data, entry));
    const old = view;
    view = opened.get(entry);
    if (old && old.texts !== view.texts) Object.assign(state, { sentence: 0, token: 0 });
    if (old && old.token !== view.token) state.type = null;
    const same = (entry) => entry?.comparison === comparison && entry.corpus === corpus;
    if (!same(old)) drawAbout(data.about.find(same));
    const words = view.unit === "word";
    at("tab-tokens").textContent = `${words ? "Words" : "Tokens"} of the sentence`;
    at("tab-types").textContent =
      `All ${written(view.token.length)} ${words ? "words" : "token types"}`;
    search();
    draw();
    if (state.tab === "types") drawTable();
  }

  function search() {
    const query = at("query").value.trim().toLowerCase();
    const { type } = state;
    const has = (s) =>
      type === null || view.type.slice(view.starts[s], view.starts[s + 1]).includes(type);
    const all = [...view.texts.keys()];
    const read = (s) => `${view.ids[s]}\n${view.texts[s]}`.toLowerCase();
    const found = all.filter((s) => read(s).includes(query) && has(s));
    at("with-type").hidden = type === null;
    if (type !== null) at("with-type").textContent = `with ${view.token[type]}  ✕`;
    const some = query || type !== null ? `${written(found.length)} of ` : "";
    const more = view.left_out ? `, ${written(view.left_out)} more are not shown` : "";
    at("found").textContent = `${some}${written(all.length)} sentences${more}`;
    if (found.length && !found.includes(state.sentence)) setSentence(found[0]);
    list.fill(view, found, state.sentence);
  }

  function setSentence(sentence) {
    Object.assign(state, { sentence, token: view.starts[sentence] });
  }

  function showSentence(sentence) {
    setSentence(sentence);
    draw();
    writeAddress(addressOf(), true);
  }

  // Of a pair, goes to the other side, past what is searched for if it has to.
  function showPartner(sentence) {
    setSentence(sentence);
    if (!list.items.includes(sentence)) {
      at("query").value = "";
      state.type = null;
    }
    search();
    draw();
    writeAddress(addressOf(), true);
  }

  function addressOf() {
    if (state.show === "pairs") return pairs.address();
    const { key, down } = tables[state.tab].sorting;
    return {
      comparison: at("comparison").value,
      method: at("method").value,
      corpus: at("corpus").value,
      sentence: view.numbers[state.sentence],
      scale: state.scale,
      tab: state.tab,
      sort: key,
      order: key && (down ? "descending" : "ascending"),
      search: at("query").value,
      with: state.type === null ? null : view.token[state.type],
      words: at("filter").value,
    };
  }

  // Shows what the address tells; whatever it does not tell is as at first.
  function restore() {
    wanted = readAddress();
    show(pairs && wanted.show === "pairs" ? "pairs" : "sentences");
    state.scale = wanted.scale === "weight" ? "weight" : "share";
    document.querySelector(`[name=scale][value=${state.scale}]`).checked = true;
    at("query").value = wanted.search ?? "";
    at("filter").value = wanted.words ?? "";
    state.type = null;
    showView();
    const type = view.token.indexOf(wanted.with);
    state.type = type < 0 ? null : type;
    setSentence(Math.max(0, view.numbers.indexOf(Number(wanted.sentence ?? NaN))));
    search();
    draw();
    const tab = wanted.tab === "types" ? "types" : "tokens";
    tables[tab].sorting = { key: wanted.sort ?? null, down: wanted.order !== "ascending" };
    wanted = {};
    showTab(tab);
  }

  // Sentences and their tokens, or pairs of sentences.
  function show(what) {
    state.show = what;
    document.body.classList.toggle("of-pairs", what === "pairs");
    document.querySelector(`[name=show][value=${what}]`).checked = true;
    if (what === "pairs") pairs.restore(wanted);
  }

  function draw() {
    const { sentence } = state;
    const [start, end] = [view.starts[sentence], view.starts[sentence + 1]];
    if (state.token < start || state.token >= end) state.token = start;
    at("heading").textContent = `Sentence ${view.ids[sentence]}`;
    at("text").textContent = view.texts[sentence];
    drawPair(at("pair"), view, sentence, showPartner);
    at("previous").disabled = list.place <= 0;
    at("next").disabled = list.place >= list.items.length - 1;
    rows.draw(view, sentence, {
      scale: state.scale,
      theme: theme(),
      minimum: data.minimum_count,
      current: state.token,
    });
    drawInspector(at("inspector"), data, view, state.token);
    if (state.tab === "tokens") drawTable();
  }

  function showToken(token, stage) {
    state.token = token;
    rows.mark(token, stage);
    drawInspector(at("inspector"), data, view, token);
  }

  function drawTable() {
    const onTypes = state.tab === "types";
    const typeOf = (row) => (onTypes ? row : view.type[row]);
    const word = at("filter").value.trim().toLowerCase();
    const [start, end] = [view.starts[state.sentence], view.starts[state.sentence + 1]];
    const all = onTypes
      ? [...view.token.keys()]
      : Array.from({ length: end - start }, (_, i) => start + i);
    const found = all.filter((row) => view.token[typeOf(row)].toLowerCase().includes(word));
    tables[state.tab].fill(columnsOf(data, view, onTypes), found, {
      caption: onTypes
        ? "Types, means over the weighed sentences"
        : "The sentence, in reading order",
      press: onTypes ? showWith : (row) => rows.chips[0][row - start].focus(),
      point: onTypes ? null : (row) => showToken(row, null),
    });
  }

  function showWith(type) {
    state.type = type;
    at("query").value = "";
    search();
    draw();
    writeAddress(addressOf(), true);
    at("list").focus();
  }

  function showTab(tab) {
    state.tab = tab;
    for (const name of ["tokens", "types"]) {
      at(`tab-${name}`).setAttribute("aria-selected", String(name === tab));
      at(`tab-${name}`).tabIndex = name === tab ? 0 : -1;
    }
    at("table").setAttribute("aria-labelledby", `tab-${tab}`);
    drawTable();
    remember();
  }

  const fileOf = (kind) =>
    [...view.encoders, at("method").value, view.ids[state.sentence], kind].join(".");
  const drawing = () => drawingOf(view, state.sentence, state.scale);

  for (const id of ["comparison", "method", "corpus"]) {
    at(id).addEventListener("change", () => {
      showView();
      writeAddress(addressOf(), true);
    });
  }
  for (const input of document.querySelectorAll("[name=scale]")) {
    input.addEventListener("change", () => {
      state.scale = input.value;
      draw();
      remember();
    });
  }
  at("show").hidden = !pairs;
  for (const input of document.querySelectorAll("[name=show]")) {
    input.addEventListener("change", () => {
      show(input.value);
      writeAddress(addressOf(), true);
    });
  }
  const drawAll = () => {
    draw();
    if (state.show === "pairs") pairs.draw();
  };
  at("theme").addEventListener("change", () => {
    document.documentElement.style.colorScheme = at("theme").value;
    drawAll();
  });
  dark.addEventListener("change", drawAll);
  at("choice").addEventListener("submit", (event) => event.preventDefault());
  at("query").addEventListener("input", () => {
    search();
    draw();
    remember();
  });
  at("query").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    at("list").focus();
  });
  at("with-type").addEventListener("click", () => {
    state.type = null;
    search();
    draw();
    remember();
    at("query").focus();
  });
  at("filter").addEventListener("input", () => {
    drawTable();
    remember();
  });
  at("save-svg").addEventListener("click", () => save(fileOf("svg"), drawing(), "image/svg+xml"));
  at("save-png").addEventListener("click", async () =>
    save(fileOf("png"), await pixelsOf(drawing()), "image/png"),
  );
  at("save-csv").addEventListener("click", () => {
    const table = tables[state.tab];
    save(fileOf(`${state.tab}.csv`), csvOf(table.columns, table.sorted()), "text/csv");
  });
  at("previous").addEventListener("click", () => list.pick(list.place - 1));
  at("next").addEventListener("click", () => list.pick(list.place + 1));
  for (const tab of ["tokens", "types"]) {
    at(`tab-${tab}`).addEventListener("click", () => showTab(tab));
    at(`tab-${tab}`).addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tab === "tokens" ? "types" : "tokens";
      showTab(other);
      at(`tab-${other}`).focus();
    });
  }
  addEventListener("popstate", () => {
    if (readAddress().comparison || readAddress().show || !location.hash) restore();
  });
  restore();
}

start().catch((error) => {
  at("fault").textContent =
    `This browser could not open the page's data (${error.message}); a current Chrome, Firefox or Safari can.`;
  at("fault").hidden = false;
});
