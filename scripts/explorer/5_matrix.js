// Colours of attributions: more similar, less similar, and none; of the lines of a drawing.
const TONES = {
  light: { none: "#ffffff", more: "#0b5c9c", less: "#b3400b", text: "#161b21", quiet: "#55606c" },
  dark: { none: "#181f27", more: "#7cc0f5", less: "#f0a468", text: "#e8ecf0", quiet: "#a3afbb" },
};
const CELL = { width: 38, height: 24 };
const FONT = 'system-ui, "Noto Sans", "DejaVu Sans", sans-serif';

// Makes an element of a drawing.
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function canvas(width, height, about, ...children) {
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  return draw("svg", { ...size, "font-family": FONT, ...about }, ...children);
}

// Background and text of a share of the strongest attribution, from -1 to 1.
function tone(share, theme) {
  const { none, more, less } = TONES[theme];
  const [from, to] = [channels(none), channels(share < 0 ? less : more)];
  const rgb = from.map((c, k) => Math.round(c + Math.min(Math.abs(share), 1) * (to[k] - c)));
  return { background: `rgb(${rgb.join(" ")})`, text: luminance(rgb) > 0.179 ? "#000" : "#fff" };
}

const PEN = document.createElement("canvas").getContext("2d");

// Of a text in units of a drawing.
function widthOf(text, size = 14) {
  PEN.font = `${size}px ${FONT}`;
  return PEN.measureText(text).width;
}

const longest = (names) => Math.ceil(Math.max(...names.map(widthOf), 20)) + 8;

// Hundredths, as cells have room for.
const hundredths = (value) => (100 * value).toFixed(1).replace("-0.0", "0.0").replace("-", "−");

// The matrix of a pair, coloured up to the strongest attribution of two tokens: rows are what is shown of side 0, columns of side 1.
function matrixOf({ names, values, most }, theme, { cell, column }) {
  const colours = TONES[theme];
  const [left, top] = [longest(names[0]), longest(names[1])];
  const width = left + names[1].length * CELL.width + top * 0.6;
  const height = top + names[0].length * CELL.height + 2;
  const label = { "font-size": 14, fill: colours.text, "xml:space": "preserve" };
  const heads = names[1].map((name, j) => {
    const x = left + (j + 0.6) * CELL.width;
    const turned = `translate(${x} ${top - 6}) rotate(-60)`;
    return draw("text", { ...label, transform: turned, ...column(j) }, name);
  });
  const rows = names[0].map((name, i) => {
    const y = top + i * CELL.height;
    const head = draw("text", { ...label, x: left - 6, y: y + 17, "text-anchor": "end" }, name);
    const cells = values[i].map((value, j) => {
      const { background, text } = tone(value / most, theme);
      const x = left + j * CELL.width;
      const box = { x, y, width: CELL.width - 1, height: CELL.height - 1, fill: background };
      const middle = { x: x + CELL.width / 2, y: y + 16, "text-anchor": "middle" };
      return draw(
        "g",
        cell(i, j),
        draw("rect", { ...box, rx: 2 }),
        draw("text", { ...middle, "font-size": 11, fill: text }, hundredths(value)),
      );
    });
    return draw("g", { role: "row" }, head, ...cells);
  });
  const about = { role: "grid", "aria-label": "Attributions of pairs of tokens, arrow keys move" };
  return canvas(width, height, about, draw("g", {}, ...heads), ...rows);
}

// The tokens of both sides in two columns, with a line for each pair of them.
function linesOf({ names, values, most }, theme, { line, token }) {
  const colours = TONES[theme];
  const [left, right, middle] = [longest(names[0]), longest(names[1]), 150];
  const rows = Math.max(...names.map((side) => side.length));
  const y = (side, k) => (k + 0.5 + (rows - names[side].length) / 2) * CELL.height;
  const drawn = values.flatMap((row, i) => row.map((value, j) => ({ value, i, j })));
  drawn.sort((a, b) => Math.abs(a.value) - Math.abs(b.value));
  const lines = drawn.map(({ value, i, j }) => {
    const share = Math.min(Math.abs(value) / most, 1);
    const ends = { x1: left, y1: y(0, i), x2: left + middle, y2: y(1, j) };
    const stroke = value < 0 ? colours.less : colours.more;
    const look = { "stroke-width": (0.4 + 5 * share).toFixed(2), "stroke-opacity": share.toFixed(3) };
    return draw("line", { ...ends, stroke, ...look, ...line(i, j) });
  });
  const words = names.flatMap((side, s) =>
    side.map((name, k) => {
      const place = s ? { x: left + middle + 6 } : { x: left - 6, "text-anchor": "end" };
      const look = { "font-size": 14, fill: colours.text, "xml:space": "preserve" };
      return draw("text", { ...place, y: y(s, k) + 5, ...look, ...token(s, k) }, name);
    }),
  );
  const about = { role: "img", "aria-label": "Lines between the tokens of both sentences" };
  const [width, height] = [left + middle + right, rows * CELL.height + 2];
  return canvas(width, height, about, ...lines, ...words);
}

// Lines and matrix side by side, light as paper is, under both sentences.
function pairDrawing(shown, told) {
  const nothing = { cell: () => ({}), column: () => ({}), line: () => ({}), token: () => ({}) };
  const parts = [linesOf(shown, "light", nothing), matrixOf(shown, "light", nothing)];
  const size = (part, name) => Number(part.getAttribute(name));
  const top = 20 * told.length + 8;
  const width = size(parts[0], "width") + 24 + size(parts[1], "width");
  const height = top + Math.max(...parts.map((part) => size(part, "height")));
  parts[1].setAttribute("x", size(parts[0], "width") + 24);
  for (const part of parts) part.setAttribute("y", top);
  const look = { "font-size": 13, fill: TONES.light.text };
  const lines = told.map((text, k) => draw("text", { x: 4, y: 16 + 20 * k, ...look }, text));
  const wide = Math.max(width, 12 + Math.max(...told.map(widthOf)));
  const paper = draw("rect", { width: "100%", height: "100%", fill: "#fff" });
  const whole = canvas(Math.ceil(wide), Math.ceil(height), {}, paper, ...lines, ...parts);
  return new XMLSerializer().serializeToString(whole);
}
