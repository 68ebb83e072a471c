"use strict";

// Unpacks the page's data; every view's columns are looked up by their places.
async function readData() {
  const packed = document.getElementById("data").textContent;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// One comparison, corpus and method, with its columns in place of their numbers.
function openView(data, view) {
  const column = (place) => (place === null ? null : data.columns[place]);
  const lengths = column(view.lengths);
  const starts = [0];
  for (const length of lengths) starts.push(starts.at(-1) + length);
  const values = Object.entries(view.types.values).map(([name, place]) => [name, column(place)]);
  const opened = {
    ...view,
    starts,
    lengths,
    numbers: column(view.sentences),
    ids: named(column(view.names), column(view.sentences)),
    texts: column(view.texts),
    type: column(view.type),
    joins: new Set(column(view.joins)),
    weight: view.weight.map(column),
    error: view.error.map(column),
    inexact: view.inexact.map((places) => new Set(column(places))),
    surprisal: column(view.surprisal),
    pairs: view.pairs && {
      partner: column(view.pairs.partner),
      text: column(view.pairs.text),
      score: column(view.pairs.score),
      similarity: (view.pairs.similarity ?? []).map(column),
    },
    token: column(view.types.token),
    reading: column(view.types.reading),
    values: new Map(values),
  };
  opened.share = opened.weight.map((weight) => shares(weight, starts));
  opened.most = weightsAbove(opened.weight);
  return opened;
}

// The user's names of sentences, and numbers where there are none.
function named(names, numbers) {
  return names === null ? numbers : numbers.map((number, s) => names[s] ?? number);
}

function shares(weight, starts) {
  const found = new Float64Array(weight.length);
  for (let s = 0; s + 1 < starts.length; s++) {
    let sum = 0;
    for (let t = starts[s]; t < starts[s + 1]; t++) sum += weight[t];
    for (let t = starts[s]; t < starts[s + 1]; t++) found[t] = sum ? weight[t] / sum : 0;
  }
  return found;
}

// The weight that one token in a hundred exceeds, by any encoder: the end of the colour scale.
function weightsAbove(weight) {
  const sorted = Float64Array.from(weight.flat()).sort();
  return sorted[Math.floor(0.99 * (sorted.length - 1))];
}

// Means over all occurrences of each type in the weighed sentences.
function typesOf(view) {
  const n = view.token.length;
  const seen = new Uint32Array(n);
  const sums = {
    weight: view.weight.map(() => new Float64Array(n)),
    share: view.weight.map(() => new Float64Array(n)),
  };
  for (let t = 0; t < view.type.length; t++) {
    const type = view.type[t];
    seen[type]++;
    for (const stage of view.weight.keys()) {
      sums.weight[stage][type] += view.weight[stage][t];
      sums.share[stage][type] += view.share[stage][t];
    }
  }
  const mean = (sum) => sum.map((value, type) => value / seen[type]);
  return { seen, weight: sums.weight.map(mean), share: sums.share.map(mean) };
}

// Numbers as the tables have them, to four significant digits.
function written(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en").replace("-", "−");
  const size = Math.abs(value);
  const text =
    size >= 1e4
      ? String(Math.round(value))
      : size < 1e-3
        ? value.toExponential(3)
        : value.toPrecision(4);
  return text.replaceAll("-", "−");
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function signed(value, write) {
  return (value > 0 ? "+" : value < 0 ? "−" : "") + write(Math.abs(value)).replace("−", "");
}
