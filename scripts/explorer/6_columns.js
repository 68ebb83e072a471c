// Columns of the table of a sentence's tokens (rows are tokens) or of all types (rows are types).
function columnsOf(data, view, onTypes) {
  const means = onTypes ? typesOf(view) : view;
  const typeOf = (row) => (onTypes ? row : view.type[row]);
  const mean = onTypes ? "mean " : "";
  const ofEncoders = (key, label, values, write) =>
    view.encoders.map((encoder, i) => ({
      key: `${key}-${i}`,
      label: view.encoders.length > 1 ? `${label}, ${encoder}` : label,
      value: (row) => values[i][row],
      write,
    }));
  // From the first encoder to the last.
  const change = (key, label, values, write) =>
    values.length < 2
      ? []
      : [
          {
            key,
            label,
            value: (row) => values.at(-1)[row] - values[0][row],
            write: (value) => signed(value, write),
            title: `from ${view.encoders[0]} to ${view.encoders.at(-1)}`,
          },
        ];
  const seen = {
    key: "seen",
    label: "seen here",
    value: (row) => means.seen?.[row],
    write: written,
  };
  const quantities = data.quantities
    .filter(
      ({ name }) => view.values.has(name) || (name === "surprisal" && view.surprisal && !onTypes),
    )
    .map((quantity) => ({
      key: quantity.name,
      label: unitOf(quantity),
      value: (row) =>
        quantity.name === "surprisal"
          ? view.surprisal[row]
          : view.values.get(quantity.name)[typeOf(row)],
      write: written,
      title: quantity.meaning,
    }));
  return [
    { key: "token", label: view.unit, value: (row) => view.token[typeOf(row)] },
    ...(onTypes ? [{ ...seen, title: "occurrences in the weighed sentences" }] : []),
    ...ofEncoders("weight", `${mean}weight`, means.weight, written),
    ...change("weight-change", "change", means.weight, written),
    ...ofEncoders("share", `${mean}share`, means.share, percent),
    ...change("share-change", "change of share", means.share, percent),
    ...quantities,
    ...(onTypes ? [] : ofEncoders("error", "error", view.error, written)),
  ];
}
