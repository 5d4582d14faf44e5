// The Map tab: turns marked on one map are marked on the other and listed in a drawer below. gr.Plot has no events for
// clicks and lassos, so this script listens to Plotly. Nothing that is marked goes to the server.
(() => {
  const LISTED = 200; // most turns in the drawer
  const COLUMNS = ["key", "dialogue", "turn", "gold", "predicted", "cluster", "emotion", "verdict", "post", "reply"];
  const plots = () => [...document.querySelectorAll(".esc-map .js-plotly-plot")].filter((plot) => plot.data && plot.layout);
  const emitters = new WeakMap(); // plot -> the emitter we listen to; a new drawing has a new one
  const drawn = new WeakMap(); // plot -> the data that the marks were set on
  const CHOSEN = "esc-chosen";
  let marked = null; // keys of marked turns, null for none
  let opened = ""; // the dialogue of a clicked point: the drawer lists all of it
  let from = null; // the element that had the focus before the drawer opened

  function marksOf(plot) {
    return plot.data.map((trace) => {
      if (!marked) return null;
      const found = [];
      trace.customdata.forEach((row, at) => { if (marked.has(row[0])) found.push(at); });
      return found;
    });
  }

  // Plotly redraws the whole figure when selectedpoints change. Here only changed points are restyled, and the style
  // sheet dims all others at once. The marks stay in the data, for the next drawing and for saved images.
  function restyle(plot) {
    const found = marksOf(plot);
    const quick = plot._fullData.every((trace) => trace.type === "scatter" && trace._module?.styleOnSelect);
    if (!quick) return window.Plotly.restyle(plot, { selectedpoints: found });
    plot._fullData.forEach((trace, at) => {
      const chosen = found[at] && new Set(found[at]);
      if (chosen) plot.data[at].selectedpoints = trace.selectedpoints = found[at];
      else { delete plot.data[at].selectedpoints; delete trace.selectedpoints; }
      if (trace.visible !== true || !plot.calcdata[at][0]?.node3) return;
      const points = plot.calcdata[at];
      points.forEach((point, n) => { if (chosen?.has(n)) point.selected = 1; else delete point.selected; });
      const group = points[0].node3;
      const turns = plot.data[at].meta.kind === "turns";
      group.node().classList.toggle("esc-dimmed", Boolean(turns && chosen));
      const changed = new Set();
      group.selectAll("path.point").each(function (point) {
        const was = this.classList.contains(CHOSEN);
        const is = Boolean(point.selected);
        if (was !== is) this.classList.toggle(CHOSEN, is);
        if (was !== is || !turns || (!chosen && this.style.opacity < 1)) changed.add(point);
      });
      trace._module.styleOnSelect(plot, points, { selectAll: (what) => group.selectAll(what).filter((point) => changed.has(point)) });
    });
  }

  const dialogueOf = (key) => key.split(":")[0];

  // `lasso`: the plot that keeps its outline. `whole`: the drawer lists the whole dialogue of the first key.
  async function mark(keys, lasso, whole = false) {
    marked = keys && keys.size ? keys : null;
    opened = marked && whole ? dialogueOf([...marked][0]) : "";
    await Promise.all(plots().map((plot) => {
      drawn.set(plot, plot.data);
      const outlined = plot !== lasso && plot.layout.selections?.length;
      return Promise.resolve(outlined && window.Plotly.relayout(plot, { selections: [] })).then(() => restyle(plot));
    }));
    list();
  }

  const keysOf = (event) => new Set((event?.points || []).map((point) => point.customdata[0]));

  // Plotly picks the small point below a large one, but a click on a number of one's own talk means that reply.
  function replyAt(plot, { clientX, clientY } = {}) {
    const box = plot.querySelector(".nsewdrag").getBoundingClientRect();
    const { xaxis, yaxis } = plot._fullLayout;
    for (const { meta, visible, x, y, marker, customdata } of plot.data) {
      const at = meta.kind !== "path" || visible === "legendonly" ? -1 : x.findLastIndex((one, n) =>
        Math.hypot(box.left + xaxis.d2p(one) - clientX, box.top + yaxis.d2p(y[n]) - clientY) <= marker.size[n] / 2);
      if (at >= 0) return new Set([customdata[at][0]]);
    }
    return null;
  }

  function hook() {
    for (const plot of plots()) {
      if (!plot._ev || !window.Plotly) continue;
      if (emitters.get(plot) !== plot._ev) {
        emitters.set(plot, plot._ev);
        plot.on("plotly_click", (event) => mark(replyAt(plot, event.event) || keysOf(event), null, true));
        plot.on("plotly_selected", (event) => { if (event?.lassoPoints || event?.range) mark(keysOf(event), plot); });
        plot.on("plotly_deselect", () => mark(null));
        // On touch screens a lasso would block scrolling: there a tap selects, and a button turns the lasso on.
        if (matchMedia("(pointer: coarse)").matches) window.Plotly.relayout(plot, { dragmode: false });
      }
      if (marked && drawn.get(plot) !== plot.data) {
        drawn.set(plot, plot.data);
        restyle(plot);
      }
    }
  }

  // one entry per turn: what is known of it, and what each net says
  function collected() {
    const found = new Map();
    for (const plot of plots()) {
      for (const trace of plot.data) {
        for (const values of trace.customdata || []) {
          if (opened ? dialogueOf(values[0]) !== opened : !marked.has(values[0])) continue;
          const row = Object.fromEntries(COLUMNS.map((name, at) => [name, values[at]]));
          const known = found.get(row.key) || { ...row, own: trace.meta.kind === "path", nets: [] };
          known.nets.push({ ...row, net: plot.layout.meta.title });
          found.set(row.key, known);
        }
      }
    }
    return [...found.values()].sort((a, b) => a.own - b.own || a.dialogue - b.dialogue || a.turn - b.turn);
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function said(who, text, className) {
    const box = element("p", `esc-drawer-said ${className}`);
    box.append(element("b", "", `${who}: `), Object.assign(element("bdi", "", text), { dir: "auto" }));
    return box;
  }

  function item(turn) {
    const box = element("li", turn.post ? "esc-drawer-own" : "");
    const place = turn.own ? `${ESC_TEXTS.mapOwnTalk} ${turn.turn}`
      : `${ESC_TEXTS.mapDialogue} ${turn.dialogue}, ${ESC_TEXTS.mapTurn} ${turn.turn}`;
    box.append(element("strong", "", place));
    if (opened && marked.has(turn.key)) box.setAttribute("aria-current", "true");
    if (!turn.own) box.append(element("span", "esc-chip", `${ESC_TEXTS.mapGiven}: ${turn.gold}`), element("span", "esc-chip", turn.emotion));
    if (turn.verdict) box.append(element("span", "esc-chip", turn.verdict));
    if (turn.post) box.append(said(ESC_TEXTS.mapYou, turn.post, "esc-drawer-you"));
    if (turn.reply && !turn.own) box.append(said(ESC_TEXTS.mapGiven, turn.reply, ""));
    for (const one of turn.nets) {
      if (turn.own) box.append(said(one.net, one.reply, ""));
      const words = [one.predicted && `${ESC_TEXTS.mapPredicts} ${one.predicted}`, one.cluster].filter(Boolean).join(", ");
      if (words) box.append(element("div", "esc-drawer-net", `${one.net} ${words}`));
    }
    if (turn.own) box.append(whyOf(turn));
    return box;
  }

  function whyOf(turn) {
    const why = Object.assign(element("button", "esc-why", ESC_TEXTS.mapWhy), { type: "button" });
    why.addEventListener("click", () => {
      mark(null);
      window.escAsk({ jump: true, turn: Number(turn.turn) - 1 });
    });
    return why;
  }

  function list() {
    let drawer = document.getElementById("map-drawer");
    if (!marked) {
      drawer?.remove();
      from?.focus?.({ preventScroll: true });
      from = null;
      return;
    }
    if (!drawer) {
      from = document.activeElement;
      drawer = element("aside", "esc-drawer");
      drawer.id = "map-drawer";
      drawer.setAttribute("aria-label", ESC_TEXTS.mapSelected);
      (document.querySelector(".gradio-container") || document.body).append(drawer);
    }
    const turns = collected();
    const counts = new Map();
    for (const turn of turns) {
      const name = turn.own ? ESC_TEXTS.mapTalk : turn.gold;
      counts.set(name, (counts.get(name) || 0) + 1);
    }
    const head = element("div", "esc-drawer-head");
    const name = opened === "talk" ? ESC_TEXTS.mapTalk : `${ESC_TEXTS.mapDialogue} ${opened}`;
    const title = element("h3", "", opened ? `${name}, ${ESC_TEXTS.mapShown}: ${turns.length}` : `${ESC_TEXTS.mapSelected}: ${turns.length}`);
    title.setAttribute("aria-live", "polite");
    const close = Object.assign(element("button", "esc-drawer-close", ESC_TEXTS.mapClose), { type: "button" });
    close.addEventListener("click", () => mark(null));
    head.append(title, close);
    const sums = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
    const items = element("ol");
    items.tabIndex = 0;
    items.setAttribute("aria-label", ESC_TEXTS.mapSelected);
    items.append(...turns.slice(0, LISTED).map(item));
    const more = turns.length > LISTED ? `${turns.length - LISTED} ${ESC_TEXTS.mapMore}` : "";
    drawer.replaceChildren(head, element("p", "esc-drawer-sum", turns.length ? sums.join(", ") : ESC_TEXTS.mapNothing), items, element("p", "", more));
    const current = items.querySelector("[aria-current]");
    if (current) items.scrollTop = current.offsetTop - items.offsetTop;
    uncover(drawer);
  }

  // The drawer must not cover the points that were just marked.
  function uncover(drawer) {
    const over = drawer.getBoundingClientRect().top;
    if (innerWidth <= 760) { // both maps never fit above the drawer; if none is visible, scroll to the first
      const seen = plots().some((plot) => { const { top, bottom } = plot.getBoundingClientRect(); return bottom > 120 && top < over - 120; });
      if (!seen) plots()[0]?.scrollIntoView({ behavior: "smooth" });
      return;
    }
    const lowest = Math.max(...plots().map((plot) => plot.querySelector(".nsewdrag")?.getBoundingClientRect().bottom || 0));
    const hidden = lowest + 8 - over;
    if (hidden > 0) window.scrollBy({ top: hidden, behavior: "smooth" });
  }

  window.escMapMark = (strategy) => {
    const keys = new Set();
    for (const plot of strategy ? plots() : []) {
      for (const trace of plot.data) for (const row of trace.customdata || []) if (row[3] === strategy) keys.add(row[0]);
    }
    return mark(keys);
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.getElementById("map-drawer")) mark(null);
  });
  // The marks belong to this tab: on another tab the drawer would only be in the way.
  document.addEventListener("click", (event) => {
    const tab = event.target instanceof Element && event.target.closest("#tabs > .tab-wrapper [role=tab]");
    if (tab && marked) mark(null);
  });

  let due = false;
  function watch() {
    new MutationObserver(() => {
      if (!due) { due = true; requestAnimationFrame(() => { due = false; hook(); }); }
    }).observe(document.body, { childList: true, subtree: true });
  }
  if (document.body) watch(); else document.addEventListener("DOMContentLoaded", watch);
})();
