// Columns of the table of a sentence's tokens (rows are tokens) or of all types (rows are types).
function columnsOf(data, view, onTypes) {
  const means = onTypes ? typesOf(view) : view;
  const typeOf = (row) => (onTypes ? row : view.type[row]);
  const mean = onTypes ? "mean " : "";
  const change = (values) => (row) => values[1][row] - values[0][row];
  const ofStages = (key, label, values, write) =>
    STAGES.map((stage, i) => ({
      key: `${key}-${stage}`,
      label: `${label} ${stage}`,
      value: (row) => values[i][row],
      write,
    }));
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
    ...ofStages("weight", `${mean}weight`, means.weight, written),
    {
      key: "weight-change",
      label: "change",
      value: change(means.weight),
      write: (value) => signed(value, written),
    },
    ...ofStages("share", `${mean}share`, means.share, percent),
    {
      key: "share-change",
      label: "change of share",
      value: change(means.share),
      write: (value) => signed(value, percent),
    },
    ...quantities,
    ...(onTypes ? [] : ofStages("error", "error", view.error, written)),
  ];
}
