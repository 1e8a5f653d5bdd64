// "?" shows the keys of this page: what stands in <template id="keys-of-page">. A control with data-key="n"
// is pressed by that letter outside inputs, and is listed too (its words are its name).
import { isTyping } from "./common.js";

const template = document.getElementById("keys-of-page");

function named() {
  return [...document.querySelectorAll("[data-key]")].map((control) => {
    const row = document.createElement("div");
    const key = row.appendChild(document.createElement("dt")).appendChild(document.createElement("kbd"));
    key.textContent = control.dataset.key;
    row.appendChild(document.createElement("dd")).textContent = control.textContent.trim();
    return row;
  });
}

function show() {
  const open = document.querySelector("dialog.keys-dialog");
  if (open) { open.close(); return; }
  const dialog = document.createElement("dialog");
  dialog.className = "keys-dialog";
  dialog.append(template.content.cloneNode(true));
  dialog.querySelector(".keys")?.append(...named());
  const words = document.querySelector("[data-keys-help]")?.title;
  if (words) dialog.setAttribute("aria-label", words);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}

document.querySelector("[data-keys-help]")?.addEventListener("click", (event) => {
  event.preventDefault();
  show();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || isTyping(event.target)) return;
  if (event.key === "?") { event.preventDefault(); show(); return; }
  const control = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
  if (control && !document.querySelector("dialog[open]")) {
    // A scanner's first character must not press a button: wait whether more follow at once.
    const press = setTimeout(() => control.click(), 40);
    document.addEventListener("keydown", () => clearTimeout(press), { once: true });
  }
});
