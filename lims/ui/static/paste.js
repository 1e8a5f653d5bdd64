// Many samples at once: rows copied in a spreadsheet are pasted into the table of a form.
//
//   <div data-paste="samples" data-check-url="/api/orders/check-samples">     the check is optional
//     <table class="grid sheet"><thead><tr><th>Name<th>Batch…</thead>
//       <tbody><tr data-line><td><input name="samples-0-name" data-text>…</tbody></table>
//     <template data-line-template><tr data-line><td><input name="samples-__n__-name" data-text>…</tr></template>
//     <button type="button" data-add-line>One more row</button>
//     <button type="button" data-download-faults hidden>Save faulty rows</button>
//     <p class="sheet-line" data-paste-line role="status"></p>
//   </div>
//
// Columns are those of the row's named inputs in order; a pasted heading line (cells equal to the table's
// headings or to data-names="批号,batch" of a heading) sets the columns itself. A select takes the words or
// value of an option. After a paste, and after a change, POST data-check-url {"samples": [{...}, ...]} answers
// {"faults": {"0": {"name": ["..."]}}}: shown in a line below the row; rows are numbered as in the table, empty ones left out
// at the end. Ctrl+D: same as above. Enter and arrows: next row. Nothing is sent before the form's own button.
// data-paste-anywhere: a table copied from a spreadsheet goes into the first empty row wherever the page is
// focused (a textarea apart). Event "lines:check" lets the page add to what is sent (event.detail), "lines:checked"
// tells it the answer; the page may ask for a check by dispatching "lines:look" at the place.
import { parseTable, refusal, send, word } from "./common.js";

class Lines {
  constructor(place) {
    this.place = place;
    this.group = place.dataset.paste;
    this.body = place.querySelector("tbody");
    this.template = place.querySelector("template[data-line-template]");
    place.addEventListener("paste", (event) => this.paste(event));
    place.addEventListener("keydown", (event) => this.key(event));
    place.addEventListener("change", () => this.checkSoon());
    place.addEventListener("lines:look", () => this.checkSoon());
    if ("pasteAnywhere" in place.dataset) {
      document.addEventListener("paste", (event) => {
        if (place.contains(event.target) || event.target.tagName === "TEXTAREA" || event.defaultPrevented) return;
        if (!/[\t\n]/.test(event.clipboardData.getData("text/plain").trim())) return;
        const free = this.rows().find((row) => this.isBlank(row)) ?? this.add();
        this.pasteAt(event, free, this.inputs(free)[0]);
      }, true);
    }
    place.querySelector("[data-add-line]")?.addEventListener("click", () => this.inputs(this.add())[0]?.focus());
    place.querySelector("[data-download-faults]")?.addEventListener("click", (event) => {
      event.preventDefault(); // without script the button asks the server for the file
      this.download();
    });
  }
  rows() { return [...this.body.querySelectorAll("tr[data-line]")]; }
  inputs(row) { return [...row.querySelectorAll("input[name]:not([type=hidden]), select[name], textarea[name]")]; }
  add() {
    const taken = this.rows().flatMap((row) => this.inputs(row).map((one) => Number(one.name.split("-")[1])));
    const next = String(Math.max(-1, ...taken.filter(Number.isFinite)) + 1);
    const copy = this.template.content.cloneNode(true);
    copy.querySelectorAll("*").forEach((node) => {
      for (const { name, value } of [...node.attributes]) {
        if (value.includes("__n__")) node.setAttribute(name, value.replaceAll("__n__", next));
      }
    });
    this.body.append(copy);
    return this.rows().at(-1);
  }
  columns(heads) {
    const titles = [...this.place.querySelectorAll("thead th")].map((th) =>
      [th.textContent, ...(th.dataset.names ?? "").split(",")].map((t) => t.replace("*", "").trim().toLowerCase()).filter(Boolean));
    const shift = titles.length - this.inputs(this.rows()[0] ?? this.add()).length;
    const found = heads.map((head) => titles.findIndex((names) => names.includes(head.replace("*", "").trim().toLowerCase())));
    const known = found.filter((n) => n >= 0).length;
    return known >= 2 || (known === 1 && heads.length === 1) ? found.map((n) => (n < 0 ? -1 : n - Math.max(shift, 0))) : null;
  }
  fill(input, text) {
    if (input.tagName !== "SELECT") { input.value = text.slice(0, input.maxLength > 0 ? input.maxLength : undefined); return; }
    const option = [...input.options].find((one) => one.value === text || one.textContent.trim() === text);
    if (option) input.value = option.value;
  }
  isBlank(row) { return this.inputs(row).every((one) => one.type === "checkbox" || one.tagName !== "INPUT" || !one.value.trim()); }
  paste(event) { this.pasteAt(event, event.target.closest("tr[data-line]"), event.target); }
  pasteAt(event, start, input) {
    let table = parseTable(event.clipboardData.getData("text/plain"));
    if (!start || (table.length < 2 && table[0]?.length < 2)) return;
    event.preventDefault();
    const heads = this.columns(table[0]);
    if (heads) table = table.slice(1);
    event.stopPropagation();
    const from = this.inputs(start).indexOf(input);
    let at = this.rows().indexOf(start);
    for (const texts of table) {
      if (texts.every((text) => text === "")) continue;
      const inputs = this.inputs(this.rows()[at] ?? this.add());
      texts.forEach((text, n) => {
        const cell = heads ? inputs[heads[n]] : inputs[from + n];
        if (cell) this.fill(cell, text);
      });
      at += 1;
    }
    this.say(word("pastedRows", { n: table.length }));
    this.place.dispatchEvent(new Event("change", { bubbles: true }));
  }
  key(event) {
    const input = event.target;
    const row = input.closest("tr[data-line]");
    if (!row || event.isComposing) return;
    const rows = this.rows();
    const at = rows.indexOf(row);
    const column = this.inputs(row).indexOf(input);
    if (event.key.toLowerCase() === "d" && event.ctrlKey && at > 0) {
      event.preventDefault();
      input.value = this.inputs(rows[at - 1])[column].value;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (event.key === "Enter" && !event.ctrlKey && input.tagName !== "TEXTAREA") {
      event.preventDefault();
      const next = rows[at + 1] ?? (row.querySelector("input:not([type=hidden])")?.value ? this.add() : null);
      if (next) this.inputs(next)[column]?.focus();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key) && input.tagName === "INPUT" && input.type !== "date") {
      const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); this.inputs(next)[column]?.focus(); }
    }
  }
  values(row) {
    return Object.fromEntries(this.inputs(row).map((one) => [one.name.split("-").slice(2).join("-"), one.type === "checkbox" ? one.checked : one.value.trim()]));
  }
  checkSoon() {
    clearTimeout(this.timer);
    if (this.place.dataset.checkUrl) this.timer = setTimeout(() => this.check(), 300);
  }
  async check() {
    const rows = this.rows();
    const used = rows.filter((row) => !this.isBlank(row));
    const more = {};
    const asks = !this.place.dispatchEvent(new CustomEvent("lines:check", { detail: more, cancelable: true }));
    if (!used.length && !asks) return;
    this.asked?.abort();
    this.asked = new AbortController();
    const answer = await send(this.place.dataset.checkUrl, "POST", { ...more, [this.group]: used.map((row) => this.values(row)) }, { signal: this.asked.signal });
    if (answer.aborted) return;
    this.place.dispatchEvent(new CustomEvent("lines:checked", { detail: answer }));
    if (!answer.ok) { this.say(refusal(answer), true); return; }
    if (!used.length) { this.say(""); return; }
    const faults = answer.body.faults ?? {};
    rows.forEach((row) => this.show(row, {}));
    used.forEach((row, n) => this.show(row, faults[n] ?? {}));
    const faulty = this.faulty().length;
    const button = this.place.querySelector("[data-download-faults]");
    if (button) button.hidden = !faulty;
    this.say(faulty ? word("faultyRows", { n: faulty, all: used.length }) : word("rowsRight", { n: used.length }), faulty > 0);
  }
  faultsOf(row) { return row.nextElementSibling?.matches("tr.line-faults") ? row.nextElementSibling : null; }
  faulty() { return this.rows().filter((row) => this.faultsOf(row)); }
  show(row, faults) {
    this.faultsOf(row)?.remove();
    const lines = [];
    for (const input of this.inputs(row)) {
      const sentences = faults[input.name.split("-").slice(2).join("-")];
      if (!sentences) { input.removeAttribute("aria-invalid"); input.removeAttribute("aria-describedby"); continue; }
      const line = document.createElement("div");
      Object.assign(line, { className: "fault", id: `${input.name}-fault`, textContent: sentences.join(" ") });
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", line.id);
      lines.push(line);
    }
    if (!lines.length) return;
    const below = document.createElement("tr");
    below.className = "line-faults";
    const cell = below.appendChild(document.createElement("td"));
    cell.colSpan = row.children.length;
    cell.append(...lines);
    row.after(below);
  }
  say(sentence, fault = false) {
    const line = this.place.querySelector("[data-paste-line]");
    if (!line) return;
    line.textContent = sentence;
    line.classList.toggle("is-fault", fault);
  }
  download() {
    const heads = [...this.place.querySelectorAll("thead th")].map((th) => th.textContent.trim());
    const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
    const lines = [heads, ...this.faulty().map((row) => [
      ...this.inputs(row).map((one) => one.value),
      [...this.faultsOf(row).querySelectorAll(".fault")].map((fault) => fault.textContent).join(" "),
    ])].map((texts) => texts.map(cell).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", lines.join("\r\n")], { type: "text/csv" }));
    link.download = `${this.group}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

document.querySelectorAll("[data-paste]").forEach((place) => new Lines(place));
