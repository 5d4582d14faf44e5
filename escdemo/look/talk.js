// The talk: sending messages, going to other steps, confirming what cannot be undone, and the transcript.
(() => {
  // A message leaves the box at once, so that text typed next is neither mixed up nor lost with it. A refused message
  // comes back, before the text typed since.
  let sending = null;
  const box = () => document.querySelector("#post textarea");
  function write(text) {
    const field = box();
    if (!field) return;
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  window.escSending = (values) => {
    const [seen, text] = values.slice(-2);
    sending = { seen: Number(seen), text };
    window.escFollowAgain();
    write("");
    return values;
  };
  window.escSent = (seen) => {
    if (sending && Number(seen) === sending.seen && sending.text) {
      write([sending.text, box()?.value].filter(Boolean).join("\n"));
    }
    sending = null;
  };

  // What a net does, for those who cannot hover over its name. It is outside the talk, which every word redraws.
  document.addEventListener("click", ({ target }) => {
    const who = target instanceof Element && target.closest(".esc-who");
    if (!who) return;
    const told = document.getElementById("esc-told") || document.body.appendChild(document.createElement("div"));
    Object.assign(told, { id: "esc-told", popover: "auto", tabIndex: -1, textContent: who.title });
    told.showPopover();
    told.focus(); // so that it is read aloud; Escape or a click elsewhere closes it and returns the focus
  });

  // Steps, and the buttons beside a talk.
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const way = event.target.closest("button[data-go]");
    if (way) window.escAsk(way.dataset.go, "step-open");
    const tool = event.target.closest("button[data-talk]");
    if (tool) (tool.dataset.talk === "copy" ? copyTalk(tool) : saveTalk());
  });

  // Ask once more before what cannot be undone. In the capture phase, before Gradio gets the click.
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    const words = button && ESC_TEXTS.confirm[button.id];
    if (!words || button.disabled) return;
    if (button.dataset.sure) { delete button.dataset.sure; return; }
    event.stopImmediatePropagation();
    event.preventDefault();
    const dialog = document.createElement("dialog");
    dialog.className = "esc-confirm";
    const ask = Object.assign(document.createElement("p"), { textContent: words.ask });
    const [yes, no] = [words.yes, words.no].map((textContent) => Object.assign(document.createElement("button"), { type: "button", textContent }));
    yes.className = "esc-yes";
    yes.addEventListener("click", () => {
      dialog.close();
      button.dataset.sure = "yes";
      button.click();
    });
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    dialog.append(ask, yes, no);
    document.querySelector(".gradio-container").append(dialog);
    dialog.showModal();
  }, true);

  // The talk as plain text, taken from the panels.
  function transcript() {
    const panels = [...document.querySelectorAll("#side-a, #side-b")];
    const names = panels.map((panel) => panel.querySelector("h3")?.textContent || "");
    const rows = panels.map((panel) => [...panel.querySelectorAll(".esc-msg")]);
    const said = (message) => message?.querySelector("bdi")?.textContent || message?.querySelector(".esc-note")?.textContent || "";
    const strategy = (message) => message?.querySelector(".esc-chip") ? ` [${message.querySelector(".esc-chip").textContent}]` : "";
    const lines = [document.querySelector("#situation-line")?.textContent.trim().replace(/\s+/g, " ") || ""];
    rows[0].forEach((message, at) => {
      if (message.classList.contains("esc-seeker")) lines.push("", `${ESC_TEXTS.you}: ${said(message)}`);
      else rows.forEach((row, side) => lines.push(`${"AB"[side]} (${names[side]})${strategy(row[at])}: ${said(row[at])}`));
    });
    return `${lines.join("\n")}\n`;
  }
  async function copyTalk(button) {
    await window.escCopy(transcript());
    const label = button.textContent;
    button.textContent = ESC_TEXTS.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  }
  function saveTalk() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([transcript()], { type: "text/plain" }));
    link.download = "talk.txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
})();
