// Loaded on every page. Starts the parts a page asks for; every page works without it.
import "./scan.js";
import "./keys.js";
import { csrfToken } from "./common.js";

// htmx asks for CSRF like any other writer.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = csrfToken();
});

// A form is sent once: its request key makes a repeat harmless, this keeps people from wondering.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  const button = event.submitter;
  if (form.dataset.sending) { event.preventDefault(); return; }
  form.dataset.sending = "yes";
  button?.classList.add("is-sending");
  setTimeout(() => { delete form.dataset.sending; button?.classList.remove("is-sending"); }, 8000);
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sending]").forEach((form) => delete form.dataset.sending);
});

// Lists to search in: only where the library was fetched.
const searched = document.querySelectorAll("select[data-search]");
if (searched.length) {
  import("./choose.js").then(({ enhance }) => searched.forEach(enhance));
}
// Filters apply when a choice is made.
document.querySelectorAll("form.filters select").forEach((select) => {
  select.addEventListener("change", () => select.form.requestSubmit());
});
// Paper is a browser's business: without script the button does not show.
document.querySelectorAll("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});
// Menus close when one looks elsewhere.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.who[open], details.confirm[open]").forEach((menu) => {
    if (!menu.contains(event.target) && !menu.querySelector("input:not([type=hidden]), textarea, select")) menu.open = false;
  });
});

// Bulk steps: tick all, and say how many are ticked.
document.querySelectorAll("form[data-bulk]").forEach((form) => {
  const all = form.querySelector("[data-tick-all]");
  const ticks = () => [...form.querySelectorAll("input[name=ids]")];
  const count = form.querySelector("[data-ticked]");
  form.addEventListener("change", (event) => {
    if (event.target === all) ticks().forEach((tick) => { tick.checked = all.checked; });
    const ticked = ticks().filter((tick) => tick.checked).length;
    if (all) { all.checked = ticked > 0 && ticked === ticks().length; all.indeterminate = ticked > 0 && !all.checked; }
    if (count) count.textContent = ticked ? `✓ ${ticked}` : "";
  });
});
