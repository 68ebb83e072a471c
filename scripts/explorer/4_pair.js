// Of a sentence of a pair: the other side, the pair's score, and what each encoder says.
function drawPair(box, view, sentence, show) {
  const other = view.pairs?.text[sentence] ?? null;
  box.hidden = other === null;
  if (other === null) return;
  const place = view.pairs.partner[sentence];
  const score = view.pairs.score?.[sentence] ?? null;
  const cosines = view.pairs.similarity.map((similarity) => similarity[sentence]);
  const told = [
    ...(score === null ? [] : [`score ${score}`]),
    ...cosines
      .map((cosine, i) => [cosine, view.encoders[i]])
      .filter(([cosine]) => cosine !== null)
      .map(([cosine, encoder]) => `cosine by ${encoder} ${cosine.toFixed(2)}`),
  ];
  box.replaceChildren(
    "Paired with ",
    place === null
      ? make("q", { dir: "auto" }, other)
      : make("button", { type: "button", dir: "auto", onclick: () => show(place) }, other),
    " ",
    ...(told.length ? [make("span", {}, told.join(" · ").replaceAll("-", "−"))] : []),
  );
}
