// The page of a new order: customer found while typing, price and due date at once, Ctrl+Enter saves.
//
//   <form data-order data-match-url data-customer-url="/api/customers/0">
//     <div data-customer> <input name="customer_id" type="hidden"> <input name="customer"> <div data-customer-line> </div>
//     <select name="contact_id">, <select name="business_type_id"> (options: data-sampling, data-judged)
//     <section data-sampling-part>, <div data-paste="samples" data-paste-anywhere data-check-url>, <div data-quote> (data-words)
import { send } from "./common.js";

const form = document.querySelector("form[data-order]");
const lines = form.querySelector("[data-paste]");
const box = form.querySelector("[data-customer]");
const text = box.querySelector("input[name=customer]");
const picked = box.querySelector("input[name=customer_id]");
const line = box.querySelector("[data-customer-line]");
const contact = form.elements.contact_id;
const kind = form.elements.business_type_id;
const asks = form.elements.asks;

// ---- customer: a list to pick from while typing ----
const list = document.createElement("ul");
Object.assign(list, { className: "combo-list", id: "customer-list", hidden: true });
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", text.labels?.[0]?.textContent.trim() ?? "");
text.after(list);
for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, autocomplete: "off" })) text.setAttribute(name, value);
box.querySelector("[data-find]")?.remove();
let found = [], at = -1, timer, asking;

function close() {
  list.hidden = true;
  at = -1;
  text.setAttribute("aria-expanded", "false");
  text.removeAttribute("aria-activedescendant");
}
function mark(next) {
  at = next;
  [...list.children].forEach((option, n) => option.setAttribute("aria-selected", String(n === at)));
  if (at >= 0) text.setAttribute("aria-activedescendant", list.children[at].id);
  list.children[at]?.scrollIntoView({ block: "nearest" });
}
function draw() {
  list.replaceChildren(...found.map((one, n) => {
    const option = document.createElement("li");
    Object.assign(option, { id: `customer-${n}`, role: "option" });
    option.setAttribute("role", "option");
    option.append(one.name);
    const more = document.createElement("span");
    more.textContent = [one.code, one.address].filter(Boolean).join(" · ");
    option.append(more);
    option.addEventListener("mousedown", (event) => { event.preventDefault(); choose(n); });
    return option;
  }));
  if (text.value.trim()) {
    const option = document.createElement("li");
    option.id = "customer-new";
    option.className = "combo-new";
    option.setAttribute("role", "option");
    option.textContent = box.dataset.newWords.replace("{name}", text.value.trim());
    option.addEventListener("mousedown", (event) => { event.preventDefault(); choose(found.length); });
    list.append(option);
  }
  list.hidden = !list.children.length;
  text.setAttribute("aria-expanded", String(!list.hidden));
  mark(found.length ? 0 : -1);
}
async function look() {
  asking?.abort();
  asking = new AbortController();
  const words = text.value.trim();
  if (!words) { found = []; close(); return; }
  const answer = await send(`${form.dataset.matchUrl}?words=${encodeURIComponent(words)}`, "GET", undefined, { signal: asking.signal });
  if (answer.ok && document.activeElement === text) { found = answer.body; draw(); }
}
async function choose(n) {
  clearTimeout(timer);
  asking?.abort();
  if (n === found.length) {
    const part = form.querySelector("[data-new-customer]");
    part.open = true;
    part.querySelector("input").value = text.value.trim();
    text.value = "";
    close();
    part.querySelectorAll("input")[1].focus();
    return;
  }
  const one = found[n];
  text.value = one.name;
  picked.value = one.id;
  line.textContent = [one.code, one.address].filter(Boolean).join(" · ");
  close();
  const answer = await send(form.dataset.customerUrl.replace(/0$/, one.id));
  if (!answer.ok) return;
  const none = contact.options[0];
  contact.replaceChildren(none, ...answer.body.contacts.map((person) => new Option([person.name, person.phone].filter(Boolean).join(" "), person.id)));
  if (answer.body.contacts.length) contact.value = answer.body.contacts[0].id;
}
text.addEventListener("input", () => {
  picked.value = "";
  line.textContent = "";
  contact.replaceChildren(contact.options[0]);
  clearTimeout(timer);
  timer = setTimeout(look, 120);
});
text.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const count = list.children.length;
  if (event.key === "Enter" && !event.ctrlKey) {
    event.preventDefault(); // a form's first button would be pressed
    if (!list.hidden && at >= 0) choose(at);
    else if (!picked.value && text.value.trim()) { clearTimeout(timer); look().then(() => { if (found.length === 1) choose(0); }); }
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && !list.hidden) {
    event.preventDefault();
    mark((at + (event.key === "ArrowDown" ? 1 : -1) + count) % count);
  } else if (event.key === "Escape") close();
});
text.addEventListener("blur", () => setTimeout(close, 150));

// ---- the kind of business switches the sampling form and the verdict ----
function switchKind() {
  const option = kind.selectedOptions[0];
  const part = form.querySelector("[data-sampling-part]");
  part.hidden = !option?.dataset.sampling;
  form.querySelector("[data-not-judged]").hidden = option?.dataset.judged !== "";
}
kind.addEventListener("change", switchKind);
switchKind();

// ---- price and due date ----
const quote = form.querySelector("[data-quote]");
lines.addEventListener("lines:check", (event) => {
  event.preventDefault(); // ask also without lines: what stood there may have been emptied
  Object.assign(event.detail, {
    business_type_id: kind.value ? Number(kind.value) : null,
    asks: [...asks.selectedOptions].map((option) => option.value),
  });
});
lines.addEventListener("lines:checked", (event) => {
  const { ok, body } = event.detail;
  if (!ok) return;
  const show = (name, words) => { quote.querySelector(`[data-${name}]`).textContent = words; };
  show("lines", String(body.lines));
  show("tests", body.quote ? String(body.quote.tests) : "–");
  show("price", body.quote ? Number(body.quote.price).toLocaleString("zh-CN", { style: "currency", currency: "CNY" }) : "–");
  show("due", body.quote ? `${body.quote.due_on} (${quote.dataset.days.replace("{n}", body.quote.working_days)})` : "–");
  quote.querySelector("[data-state-pays]").hidden = !body.quote?.state_pays;
});
for (const one of [kind, asks]) one.addEventListener("change", () => lines.dispatchEvent(new Event("lines:look")));
if ([...lines.querySelectorAll("tr[data-line] input")].some((one) => one.value)) lines.dispatchEvent(new Event("lines:look"));
form.querySelector("[data-look]")?.setAttribute("hidden", "");
form.querySelector("[data-save]")?.setAttribute("aria-keyshortcuts", "Control+Enter");
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit(form.querySelector("[data-save]"));
  }
});
form.elements.file?.addEventListener("change", () => {
  if (form.elements.file.files.length) form.requestSubmit(form.querySelector("[data-read]"));
});

// ---- nothing typed is lost when the page is loaded again or left by mistake ----
const place = `order-draft:${location.pathname}`;
function keep() {
  const typed = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !["csrf_token", "request_key"].includes(name) && value);
  try { sessionStorage.setItem(place, JSON.stringify(typed)); } catch { /* no room: the page still works */ }
}
function restore() {
  const typed = JSON.parse(sessionStorage.getItem(place) ?? "[]");
  const last = Math.max(-1, ...typed.map(([name]) => Number(/^samples-(\d+)-/.exec(name)?.[1] ?? -1)));
  const add = form.querySelector("[data-add-line]");
  for (let guard = 0; guard < 600 && !form.elements[`samples-${last}-name`] && last >= 0; guard += 1) add.click();
  form.querySelectorAll("input[type=checkbox]").forEach((box) => { box.checked = false; });
  const several = new Map();
  for (const [name, value] of typed) several.set(name, [...(several.get(name) ?? []), value]);
  for (const [name, values] of several) {
    const one = form.elements[name];
    if (!one || one.type === "file") continue;
    if (one instanceof RadioNodeList) { [...one].forEach((each) => { if (each.type === "checkbox") each.checked = values.includes(each.value); }); continue; }
    if (one.tagName === "SELECT" && one.multiple) {
      if (one.tomselect) one.tomselect.setValue(values, true);
      else [...one.options].forEach((option) => { option.selected = values.includes(option.value); });
    } else one.value = values.at(-1);
  }
  form.querySelectorAll("details").forEach((part) => { part.open ||= [...part.querySelectorAll("input, textarea")].some((one) => one.value); });
  switchKind();
  text.focus();
  lines.dispatchEvent(new Event("lines:look"));
}
if (form.hasAttribute("data-pristine") && sessionStorage.getItem(place)) {
  const ask = form.querySelector("[data-restore]");
  ask.hidden = false;
  ask.querySelector("[data-yes]").addEventListener("click", () => { ask.hidden = true; restore(); });
  ask.querySelector("[data-no]").addEventListener("click", () => { ask.hidden = true; sessionStorage.removeItem(place); text.focus(); });
}
form.addEventListener("change", keep);
form.addEventListener("submit", () => sessionStorage.removeItem(place));
