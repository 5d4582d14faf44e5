// Words and commonsense blocks highlight each other. A block carries the attention it got from each word.
(() => {
  // Each card is read once: its words, its blocks, the shares of each block, and the lists that the blocks stand in.
  const known = new WeakMap();
  function read(card) {
    if (!known.has(card)) {
      const blocks = [...card.querySelectorAll(".esc-block")];
      const shares = blocks.map((block) => (block.dataset.w ? block.dataset.w.split(" ").map(Number) : []));
      const text = (one) => one.querySelector("bdi")?.textContent || one.textContent;
      const words = [...card.querySelectorAll(".esc-word")];
      const lists = [...card.querySelectorAll(".esc-blocks")].map((list) => blocks.filter((block) => list.contains(block)));
      known.set(card, { words, blocks, shares, lists, names: new Map([...words, ...blocks].map((one) => [one, text(one)])), on: null, lit: [] });
    }
    return known.get(card);
  }

  function light(at) {
    const card = at.closest(".esc-look");
    const here = read(card);
    if (here.on === at) return;
    const word = here.words.indexOf(at);
    const others = word < 0 ? here.words : here.blocks;
    const amounts = word < 0 ? here.shares[here.blocks.indexOf(at)] : here.shares.map((share) => share[word] || 0);
    const amount = new Map(others.map((one, place) => [one, amounts[place] || 0]));
    // The shares of a word sum to 1 in each list of blocks, so each list has its own most.
    const best = (word < 0 ? [here.words] : here.lists).filter((some) => some.length).map((some) => {
      const first = some.reduce((most, one) => (amount.get(one) > amount.get(most) ? one : most));
      return { some, first, most: Math.max(amount.get(first), 1e-9) };
    });
    here.on?.classList.remove("esc-on");
    at.classList.add("esc-on");
    here.on = at;
    if (here.lit !== others) for (const one of here.lit) one.style.removeProperty("--lit");
    here.lit = others;
    for (const { some, most } of best) for (const one of some) {
      const share = (amount.get(one) / most).toFixed(2);
      if (one.style.getPropertyValue("--lit") !== share) one.style.setProperty("--lit", share);
    }
    const told = best.map(({ first, most }) => say(word < 0 ? "fromWord" : "toBlock", {
      name: here.names.get(first), share: `${Math.round(100 * most)} %`, about: first.closest(".esc-blocks")?.dataset.about,
    }));
    const line = { name: here.names.get(at), others: told.join(ESC_TEXTS.andToBlock) };
    card.querySelector(".esc-lit").textContent = told.length ? say(word < 0 ? "block" : "word", line) : "";
  }

  function say(text, values) {
    return ESC_TEXTS[text].replace(/{(\w+)}/g, (_, name) => values[name]);
  }

  // The pointer may pass many words within one frame; only the last one is drawn.
  let next = null;
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, (event) => {
      const at = event.target instanceof Element && event.target.closest(".esc-look :is(.esc-word, .esc-block)");
      if (!at) return;
      if (!next) requestAnimationFrame(() => { light(next); next = null; });
      next = at;
    });
  }
})();
