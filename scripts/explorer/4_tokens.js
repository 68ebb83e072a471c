// What is shaded darkest: of all sentences' weights, or of this sentence's shares.
function scaleEnd(view, sentence, scale) {
  const [start, end] = [view.starts[sentence], view.starts[sentence + 1]];
  const shares = () => Math.max(...view.share.flatMap((s) => [...s.subarray(start, end)]));
  return (scale === "weight" ? view.most : shares()) || 1;
}

function scaleTold(scale, most) {
  return scale === "weight"
    ? {
        end: `${written(most)} or more`,
        what: "weight: norm of the contribution, one scale for all sentences",
      }
    : { end: percent(most), what: "share of the sentence's weights, scale of this sentence" };
}

// The tokens of a sentence in a row for each encoder, shaded by weight.
class TokenRows {
  constructor(box, legend, inspect) {
    this.box = box;
    this.legend = legend;
    this.inspect = inspect;
    this.chips = [];
    box.addEventListener("keydown", (event) => this.key(event));
  }

  draw(view, sentence, { scale, theme, minimum, current }) {
    const [start, end] = [view.starts[sentence], view.starts[sentence + 1]];
    const most = scaleEnd(view, sentence, scale);
    this.start = start;
    this.chips = view.encoders.map((encoder, stage) =>
      view.type.slice(start, end).map((type, i) => {
        const count = view.values.get("count")[type];
        const t = start + i;
        const chip = make(
          "button",
          {
            type: "button",
            className: `chip${view.joins.has(t) ? " joined" : ""}${count < minimum ? " rare" : ""}`,
            tabIndex: stage === 0 && t === current ? 0 : -1,
            "aria-describedby": "inspector",
            "aria-label": `${view.reading[type]}, ${encoder}: weight ${written(view.weight[stage][t])}, ${percent(view.share[stage][t])} of the sentence`,
            onfocus: () => this.enter(stage, t),
            onmouseenter: () => this.inspect(t, stage),
            onclick: () => this.inspect(t, stage),
          },
          view.reading[type],
        );
        paint(chip, view[scale][stage][t] / most, theme);
        return chip;
      }),
    );
    const rows = view.encoders.map((encoder, i) =>
      make(
        "div",
        { className: "row", role: "group", "aria-label": `Tokens by ${encoder}` },
        make("p", {}, make("b", {}, encoder)),
        make("div", { className: "chips", dir: "auto" }, ...this.chips[i]),
      ),
    );
    this.box.replaceChildren(...rows);
    this.drawLegend(view, sentence, { scale, theme, most, minimum });
    this.mark(current, null);
  }

  drawLegend(view, sentence, { scale, theme, most, minimum }) {
    const ramp = make("i", { "aria-hidden": "true" });
    const stops = Array.from({ length: 9 }, (_, i) => shade(i / 8, theme).background);
    ramp.style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
    const { end, what } = scaleTold(scale, most);
    const tokens = view.type.slice(this.start, this.start + this.chips[0].length);
    const rare = tokens.some((type) => view.values.get("count")[type] < minimum);
    const odd = view.encoders.filter((_, stage) => view.inexact[stage].has(sentence));
    this.legend.replaceChildren(
      "0",
      ramp,
      end,
      make("span", {}, what),
      ...(rare
        ? [make("span", {}, `dotted: counted fewer than ${minimum} times, in no regression`)]
        : []),
      ...(odd.length
        ? [
            make(
              "strong",
              {},
              `in no regression: errors by ${odd.join(" and ")} are above ${percent(view.largest_error)}`,
            ),
          ]
        : []),
    );
  }

  enter(stage, t) {
    for (const chip of this.chips.flat()) chip.tabIndex = -1;
    this.chips[stage][t - this.start].tabIndex = 0;
    this.inspect(t, stage);
  }

  // Outlines a token, or that of one row and its twins in the others.
  mark(t, stage) {
    this.chips.forEach((row, i) =>
      row.forEach((chip, j) => {
        chip.classList.toggle("current", j === t - this.start && (stage === null || i === stage));
        chip.classList.toggle("twin", j === t - this.start && stage !== null && i !== stage);
      }),
    );
  }

  key(event) {
    const stage = this.chips.findIndex((row) => row.includes(event.target));
    if (stage < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const i = this.chips[stage].indexOf(event.target);
    const last = this.chips[stage].length - 1;
    const to = {
      ArrowRight: [stage, Math.min(i + 1, last)],
      ArrowLeft: [stage, Math.max(i - 1, 0)],
      ArrowDown: [Math.min(stage + 1, this.chips.length - 1), i],
      ArrowUp: [Math.max(stage - 1, 0), i],
      Home: [stage, 0],
      End: [stage, last],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    this.chips[to[0]][to[1]].focus();
  }
}

// All that is known of one token, and how well its quantities tell the weights of all.
function drawInspector(box, data, view, t) {
  const type = view.type[t];
  const row = (label, cells, title) =>
    make(
      "tr",
      { title },
      make("th", { scope: "row" }, label),
      ...cells.map((cell) => make("td", {}, cell)),
    );
  const weights = [
    row("weight", pair(view.weight, t, written)),
    row("share", pair(view.share, t, percent)),
    row("rank", ranks(view, t)),
    row(
      "error",
      view.error.map((error) => written(error[t])),
      "of the weight: from two quadrature rules, or a standard error",
    ),
  ];
  const valueOf = (name) =>
    name === "surprisal" ? view.surprisal?.[t] : view.values.get(name)?.[type];
  const quantities = data.quantities
    .map((quantity) => [quantity, valueOf(quantity.name)])
    .filter(([, value]) => value !== undefined);
  const listed = (nats) =>
    quantities
      .filter(([{ unit }]) => (unit === "nat") === nats)
      .map(([{ label, meaning }, value]) => row(label, [written(value)], meaning));
  const labels = new Map(data.quantities.map(({ name, label }) => [name, label]));
  const fit = (r) => (r === null ? "–" : signed(r, (value) => value.toFixed(2)));
  const relations = view.relations.map(({ quantity, pearson, r_squared }) =>
    row(
      labels.get(quantity),
      pearson.map(fit),
      `R² ${r_squared.map((r) => (r === null ? "–" : r.toFixed(2))).join(", ")}`,
    ),
  );
  const spelled =
    view.token[type] === view.reading[type]
      ? []
      : [make("p", { className: "note" }, `in the vocabulary: ${view.token[type]}`)];
  box.replaceChildren(
    make(
      "div",
      {},
      make("h2", { dir: "auto" }, view.reading[type]),
      ...spelled,
      make("table", { className: "weights" }, headOf(view), make("tbody", {}, ...weights)),
    ),
    make(
      "div",
      {},
      make("h3", {}, `Quantities of this ${view.unit} (nats)`),
      make("table", { className: "quantities" }, make("tbody", {}, ...listed(true))),
      make("h3", {}, "Counted"),
      make("table", { className: "counts" }, make("tbody", {}, ...listed(false))),
    ),
    make(
      "div",
      {},
      make("h3", {}, `Correlation of weight and quantity, all ${view.unit}s`),
      make("table", { className: "relations" }, headOf(view), make("tbody", {}, ...relations)),
    ),
  );
}

const headOf = (view) =>
  make(
    "thead",
    {},
    make(
      "tr",
      {},
      make("td"),
      ...view.encoders.map((encoder) => make("th", { scope: "col" }, encoder)),
    ),
  );

const pair = (values, t, write) => values.map((value) => write(value[t]));

const unitOf = ({ label, unit }) => (unit === "nat" ? `${label} (nats)` : label);

function ranks(view, t) {
  const sentence = view.starts.findLastIndex((start) => start <= t);
  const [start, end] = [view.starts[sentence], view.starts[sentence + 1]];
  return view.weight.map((weight) => {
    const above = weight.slice(start, end).filter((other) => other > weight[t]).length;
    return `${above + 1} of ${end - start}`;
  });
}
