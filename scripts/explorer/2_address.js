// What is shown stands in the page's address, so that a link leads to it.
function readAddress() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

// A step is what the back button undoes.
function writeAddress(values, step) {
  const told = Object.entries(values).filter(([, value]) => value !== null && value !== "");
  const address = `#${new URLSearchParams(told)}`;
  if (address === location.hash) return;
  try {
    history[step ? "pushState" : "replaceState"](null, "", address);
  } catch {
    // a page within a report has no address of its own
  }
}
