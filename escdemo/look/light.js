// Words and commonsense blocks highlight each other. A block carries the attention it got from each word.
(() => {
  // Each card is read once: its words, its blocks, and the shares of each block.
  const known = new WeakMap();
  function read(card) {
    if (!known.has(card)) {
      const blocks = [...card.querySelectorAll(".esc-block")];
      const shares = blocks.map((block) => (block.dataset.w ? block.dataset.w.split(" ").map(Number) : []));
      const text = (one) => one.querySelector("bdi")?.textContent || one.textContent;
      const words = [...card.querySelectorAll(".esc-word")];
      known.set(card, { words, blocks, shares, names: new Map([...words, ...blocks].map((one) => [one, text(one)])), on: null, lit: [] });
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
    const most = Math.max(...amounts, 1e-9);
    here.on?.classList.remove("esc-on");
    at.classList.add("esc-on");
    here.on = at;
    if (here.lit !== others) for (const one of here.lit) one.style.removeProperty("--lit");
    here.lit = others;
    others.forEach((one, place) => {
      const share = ((amounts[place] || 0) / most).toFixed(2);
      if (one.style.getPropertyValue("--lit") !== share) one.style.setProperty("--lit", share);
    });
    const best = others[amounts.indexOf(Math.max(...amounts))];
    const [of, from] = word < 0 ? [best, at] : [at, best];
    const line = ESC_TEXTS[word < 0 ? "block" : "word"];
    card.querySelector(".esc-lit").textContent = best
      ? line.replace("{word}", here.names.get(of)).replace("{block}", here.names.get(from)).replace("{share}", `${Math.round(100 * most)} %`)
      : "";
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
