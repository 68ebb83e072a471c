// What a comparison on a corpus stands on, in a line; open where there is something to warn of.
function drawAbout({ line, warnings, rare_examples }) {
  const many = warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`;
  at("about").open = warnings.length > 0;
  at("stands-on").textContent = line;
  at("warned").textContent = many;
  at("warned").hidden = !warnings.length;
  at("warnings").replaceChildren(
    ...warnings.map((warning) => make("li", {}, make("strong", {}, "Warning: "), warning)),
  );
  at("rare").textContent = rare_examples
    ? `Left out most often as too rare, with the times they were weighed: ${rare_examples}`
    : "None is left out as too rare.";
}
