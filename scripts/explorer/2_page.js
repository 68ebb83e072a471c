// Makes an element; text is only ever set as text.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "role") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const at = (id) => document.getElementById(id);

// Shades of equal steps in lightness, so that they keep their order without hue. Black or white
// text, whichever stands out more, has a contrast of 4.58 or more on any of them.
const SHADES = {
  light: ["#eef7f1", "#c5e9d0", "#86d2b5", "#46b3aa", "#34909f", "#366d97", "#3b4a86", "#33285a"],
  dark: ["#1d2733", "#2b3461", "#3a4c88", "#366f98", "#3594a1", "#4bb9ac", "#8cd6b8", "#def5e5"],
};

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

function luminance(rgb) {
  const linear = rgb.map((c) =>
    c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

// Background and text of a share (0 to 1) of the colour scale.
function shade(share, theme) {
  const stops = SHADES[theme];
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [channels(stops[low]), channels(stops[low + 1])];
  const rgb = from.map((c, i) => Math.round(c + (place - low) * (to[i] - c)));
  return { background: `rgb(${rgb.join(" ")})`, text: luminance(rgb) > 0.179 ? "#000" : "#fff" };
}

function paint(element, share, theme) {
  const { background, text } = shade(share, theme);
  element.style.backgroundColor = background;
  element.style.color = text;
}
