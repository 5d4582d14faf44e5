// Figures: drawn first where they are seen, into the drawing that is there; as wide as their box, with a name; saved.
(() => {
  const kept = new Map(); // id of a figure's box -> its drawing
  const configs = new WeakMap(); // drawing -> its buttons and how it is saved
  const due = new Map(); // drawing -> what draws it
  const boxOf = (plot) => plot.closest(".esc-fig:not(.esc-map)");
  const frame = () => new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));
  // Safari has no requestIdleCallback.
  const rest = window.requestIdleCallback || ((act) => setTimeout(act, 50));
  const idle = () => new Promise((resting) => rest(resting, { timeout: 1000 }));

  function isSeen(plot) {
    const { top, bottom, width } = plot.getBoundingClientRect();
    return width > 0 && bottom > 0 && top < innerHeight;
  }
  // What is wrong with one figure must not hold up the others.
  const draw = (plots) => Promise.allSettled(plots.map(async (plot) => {
    const act = due.get(plot);
    due.delete(plot);
    return plot.isConnected && act?.();
  }));
  const drawSeen = () => draw([...due.keys()].filter(isSeen));
  const boxes = new IntersectionObserver(drawSeen); // of one that is scrolled to before its turn has come

  // What is seen comes at once, but after the words that came with it; the rest when the page has nothing else to do.
  async function drawDue() {
    await frame();
    await drawSeen();
    while (due.size) {
      await idle();
      await draw([...due.keys()].slice(0, 1));
    }
  }
  window.escDrawn = () => frame().then(drawSeen);

  // For each change of a figure Gradio 6.31 lets Plotly draw it in the old box, then in a new one, from nothing. To change
  // what is there takes a fraction of that: the old drawing moves into the new box, and is drawn once.
  function keep(plotly) {
    if (!plotly || plotly.escKeeps) return;
    plotly.escKeeps = true;
    const { react } = plotly;
    const { resize } = plotly.Plots;
    // Gradio asks for it after each change, which makes the browser lay the page out anew; `widths` sees what it needs.
    plotly.Plots.resize = (plot) => (boxOf(plot) && !plot._fullLayout ? Promise.resolve(plot) : resize(plot));
    plotly.react = (plot, data, layout, config) => {
      const box = boxOf(plot);
      if (!box) return react(plot, data, layout, config);
      const drawing = kept.get(box.id) || plot;
      kept.set(box.id, drawing);
      if (!plot.contains(drawing)) plot.append(drawing);
      drawing.style.minHeight = `${layout.height || 0}px`;
      // Plotly begins anew for lists of buttons that are equal but not the same.
      if (JSON.stringify(configs.get(drawing)) !== JSON.stringify(config)) configs.set(drawing, config);
      due.set(drawing, () => react(drawing, data, layout, configs.get(drawing)));
      boxes.observe(box);
      return drawDue();
    };
  }

  // Of a figure that is wider than its box: that it can be moved sideways, and a fading edge as long as it goes on.
  function tellSideways(box) {
    const rest = box.scrollWidth - box.clientWidth;
    if (rest > 4) box.dataset.sideways = ESC_TEXTS.sideways;
    else delete box.dataset.sideways;
    box.classList.toggle("esc-goes-on", rest - box.scrollLeft > 4);
  }
  document.addEventListener("scroll", ({ target }) => {
    if (target instanceof Element && target.matches(".esc-fig")) tellSideways(target);
  }, true);

  // A figure that was drawn while its box was hidden, or narrower, takes the width that it has now; and its title is its
  // name for screen readers.
  const widths = new ResizeObserver((changes) => {
    for (const { target, contentRect } of changes) {
      const plot = target.querySelector(".js-plotly-plot");
      if (plot && contentRect.width && Math.abs(plot.clientWidth - plot._fullLayout?.width) > 1) window.Plotly.Plots.resize(plot);
      if (contentRect.width && plot?.closest(".esc-fig")) tellSideways(plot.closest(".esc-fig"));
    }
  });
  const watched = new WeakSet();
  window.escTendPlots = () => {
    keep(window.Plotly);
    for (const plot of document.querySelectorAll(".js-plotly-plot")) {
      const box = boxOf(plot);
      if (box && !kept.has(box.id)) kept.set(box.id, plot);
      if (!plot.hasAttribute("role")) plot.setAttribute("role", "img");
      if (!watched.has(plot.parentElement)) widths.observe(plot.parentElement);
      watched.add(plot.parentElement);
      const title = (plot.layout?.meta?.alt || plot.layout?.title?.text || "Figure").replace(/<br>/g, " ").replace(/<[^>]*>/g, "");
      if (plot.getAttribute("aria-label") !== title) plot.setAttribute("aria-label", title);
    }
  };

  document.addEventListener("click", async (event) => {
    const save = event.target.closest("button.esc-save[data-plot]");
    const plot = save && document.querySelector(`#${CSS.escape(save.dataset.plot)} .js-plotly-plot`);
    if (!plot) return;
    await draw([plot]);
    const { name: filename, format } = save.dataset;
    window.Plotly.downloadImage(plot, {
      format, filename, width: plot.clientWidth, height: plot.clientHeight, scale: format === "png" ? 3 : 1,
    });
  });
})();
