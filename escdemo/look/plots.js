// Figures: draws visible ones first, reuses old drawings, fits them to their box, names them for screen readers, saves.
(() => {
  const kept = new Map(); // id of a figure's box -> its drawing
  const configs = new WeakMap(); // drawing -> its config: buttons, and how it is saved
  const due = new Map(); // drawing -> the function that draws it
  const boxOf = (plot) => plot.closest(".esc-fig:not(.esc-map)");
  const frame = () => new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));
  // Safari has no requestIdleCallback.
  const rest = window.requestIdleCallback || ((act) => setTimeout(act, 50));
  const idle = () => new Promise((resting) => rest(resting, { timeout: 1000 }));

  function isSeen(plot) {
    const { top, bottom, width } = plot.getBoundingClientRect();
    return width > 0 && bottom > 0 && top < innerHeight;
  }
  // An error in one figure must not stop the others.
  const draw = (plots) => Promise.allSettled(plots.map(async (plot) => {
    const act = due.get(plot);
    due.delete(plot);
    return plot.isConnected && act?.();
  }));
  const drawSeen = () => draw([...due.keys()].filter(isSeen));
  const boxes = new IntersectionObserver(drawSeen); // for a figure that comes into view before its turn

  // Visible figures are drawn at once, right after their words; the others when the page is idle.
  async function drawDue() {
    await frame();
    await drawSeen();
    while (due.size) {
      await idle();
      await draw([...due.keys()].slice(0, 1));
    }
  }
  window.escDrawn = () => frame().then(drawSeen);

  // For each change of a figure, Gradio 6.31 has Plotly draw it in the old box, then anew in a new one. Changing the
  // existing drawing is much faster: it moves into the new box and is drawn once.
  function keep(plotly) {
    if (!plotly || plotly.escKeeps) return;
    plotly.escKeeps = true;
    const { react } = plotly;
    const { resize } = plotly.Plots;
    // Gradio resizes after each change, which makes the browser lay out the page again; `widths` does what is needed.
    plotly.Plots.resize = (plot) => (boxOf(plot) && !plot._fullLayout ? Promise.resolve(plot) : resize(plot));
    plotly.react = (plot, data, layout, config) => {
      const box = boxOf(plot);
      if (!box) return react(plot, data, layout, config);
      const drawing = kept.get(box.id) || plot;
      kept.set(box.id, drawing);
      if (!plot.contains(drawing)) plot.append(drawing);
      drawing.style.minHeight = `${layout.height || 0}px`;
      // Plotly starts over for a list of buttons that is equal but not the same object.
      if (JSON.stringify(configs.get(drawing)) !== JSON.stringify(config)) configs.set(drawing, config);
      due.set(drawing, () => react(drawing, data, layout, configs.get(drawing)));
      boxes.observe(box);
      return drawDue();
    };
  }

  // A figure wider than its box says that it can be moved sideways, and has a fading edge until its end is in view.
  function tellSideways(box) {
    const rest = box.scrollWidth - box.clientWidth;
    if (rest > 4) box.dataset.sideways = ESC_TEXTS.sideways;
    else delete box.dataset.sideways;
    box.classList.toggle("esc-goes-on", rest - box.scrollLeft > 4);
  }
  document.addEventListener("scroll", ({ target }) => {
    if (target instanceof Element && target.matches(".esc-fig")) tellSideways(target);
  }, true);

  // A figure drawn while its box was hidden or narrower gets the present width. Its title becomes its name for screen
  // readers (escTendPlots).
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
