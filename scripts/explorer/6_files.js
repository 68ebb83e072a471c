// Gives the reader a file.
function save(name, content, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })) });
  link.download = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

// Rows of a table as csv: numbers as the page's data have them, nothing where there is none.
function csvOf(columns, rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns.map(({ label }) => label), ...rows.map((r) => columns.map((c) => c.value(r)))];
  return lines.map((line) => line.map(cell).join(",") + "\n").join("");
}

// The shaded sentence as a drawing that stands alone, light as paper is.
function drawingOf(view, sentence, scale) {
  const width = 760;
  const escape = (text) =>
    text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const words = (x, y, text, more) =>
    `<text x="${x.toFixed(1)}" y="${y}" ${more} xml:space="preserve">${escape(text)}</text>`;
  const [start, end] = [view.starts[sentence], view.starts[sentence + 1]];
  const most = scaleEnd(view, sentence, scale);
  const drawn = [];
  let y = 0;
  view.encoders.forEach((encoder, stage) => {
    drawn.push(words(0, y + 16, encoder, 'font-weight="600" font-size="13"'));
    y += 24;
    let x = 0;
    for (let t = start; t < end; t++) {
      const text = view.reading[view.type[t]];
      const wide = widthOf(text, 15) + 10;
      if (x > 0 && !view.joins.has(t)) x += 3;
      if (x > 0 && x + wide > width) [x, y] = [0, y + 29];
      const colours = shade(view[scale][stage][t] / most, "light");
      drawn.push(
        `<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="26" rx="3" fill="${colours.background}"/>`,
        words(x + 5, y + 18, text, `fill="${colours.text}"`),
      );
      x += wide;
    }
    y += 36;
  });
  const stops = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(
    (i) => `<stop offset="${i / 8}" stop-color="${shade(i / 8, "light").background}"/>`,
  );
  const told = scaleTold(scale, most);
  drawn.push(
    `<defs><linearGradient id="ramp">${stops.join("")}</linearGradient></defs>`,
    words(0, y + 12, "0", 'font-size="12"'),
    `<rect x="12" y="${y}" width="150" height="14" fill="url(#ramp)"/>`,
    words(168, y + 12, `${told.end}  ${told.what}`, 'font-size="12"'),
  );
  y += 18;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}"` +
    ` font-family="${escape(FONT)}" font-size="15"><title>${escape(view.texts[sentence])}</title>` +
    `<rect width="100%" height="100%" fill="#fff"/>${drawn.join("")}</svg>`
  );
}

// The drawing in pixels, two to a unit.
async function pixelsOf(drawing) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(drawing)}`;
  await image.decode();
  const canvas = make("canvas", { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve));
}
