// A listbox of sentences that holds no more elements than are seen, whatever their number.
class SentenceList {
  static height = 54;
  static spare = 5;

  constructor(box, choose, name = "sentence") {
    this.box = box;
    this.name = name;
    this.inner = box.firstElementChild;
    this.choose = choose;
    this.items = [];
    this.place = 0;
    box.addEventListener("scroll", () => this.draw());
    box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(box);
  }

  // Items are sentences of the view; the chosen one is kept if it is among them.
  fill(view, items, sentence) {
    this.view = view;
    this.items = items;
    this.inner.style.height = `${items.length * SentenceList.height}px`;
    this.place = items.indexOf(sentence);
    this.reveal();
    this.draw();
  }

  pick(place) {
    if (!this.items.length) return;
    this.place = Math.min(Math.max(place, 0), this.items.length - 1);
    this.reveal();
    this.draw();
    this.choose(this.items[this.place]);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / SentenceList.height) - 1);
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.pick(this.place + steps[event.key]);
  }

  reveal() {
    if (this.place < 0) return;
    const top = this.place * SentenceList.height;
    const hidden = top + SentenceList.height - this.box.clientHeight;
    if (this.box.scrollTop > top) this.box.scrollTop = top;
    else if (this.box.scrollTop < hidden) this.box.scrollTop = hidden;
  }

  draw() {
    const first = Math.max(
      0,
      Math.floor(this.box.scrollTop / SentenceList.height) - SentenceList.spare,
    );
    const last =
      Math.ceil((this.box.scrollTop + this.box.clientHeight) / SentenceList.height) +
      SentenceList.spare;
    const options = this.items
      .slice(first, last)
      .map((sentence, i) => this.option(sentence, first + i));
    this.inner.replaceChildren(...options);
    const chosen = this.inner.querySelector("[aria-selected=true]");
    if (chosen) this.box.setAttribute("aria-activedescendant", chosen.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  option(sentence, place) {
    const option = make(
      "div",
      {
        role: "option",
        id: `${this.name}-${sentence}`,
        "aria-selected": String(place === this.place),
        "aria-posinset": place + 1,
        "aria-setsize": this.items.length,
        onclick: () => this.pick(place),
      },
      make("b", {}, String(this.view.ids[sentence])),
      ...(this.view.inexact.some((places) => places.has(sentence))
        ? [make("em", { title: "in no regression, for its errors" }, "errors")]
        : []),
      make("span", { dir: "auto" }, this.view.texts[sentence]),
    );
    option.style.top = `${place * SentenceList.height}px`;
    return option;
  }
}
