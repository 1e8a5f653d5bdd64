// Entry like a sheet: plain inputs in a server-drawn table. Without script the table is a form with a button.
//
//   <form method="post" data-sheet="worksheet-12-account-5">     name of what is kept until it is saved;
//                                                                 names the account, browsers are shared
//     <table class="grid sheet">
//       <tr data-row="123" data-version="4" data-code="WT2026-00042"      data-code: a scan goes to this row
//           data-url="/api/tests/123/inputs" data-method="PUT">    PUT {"m1": "100.20", "version": 4}
//         <td><input name="tests-123-m1" data-cell="m1" value="">
//         <td><input name="tests-123-v" data-cell="v" data-url="/api/...">   own data-url: PUT {"value": "…", "version": 4}
//         <td data-show="result"></td><td data-show="verdict"></td>
//     <p class="sheet-line" data-sheet-line role="status"></p>
//
// Answer 200: {"version": 5, "cells": {"m1": "100.20"}, "show": {"result": "12.3", "verdict": "out of limit"},
//   "tones": {"verdict": "fault"}, "sentence": "near the limit"}; every part may be missing. Anything else is
//   problem details, whose sentence is shown at the cell. A row's cells are saved one after the other.
//   Code "reason_needed": the reason is asked for and sent along ("reason").
// Keys: typing replaces; Enter, arrows: next sample; Tab: next item; Esc: as saved; a pasted column fills down.
// live.js announces a taken figure with the event "lims:taken" {row, cell, answer}.
import { parseTable, refusal, send, word } from "./common.js";

const MARKS = { saved: "✓", sending: "…", unsaved: "●", failed: "▲" };

function rowsOf(sheet) { return [...sheet.querySelectorAll("tr[data-row]")]; }
function cellsOf(row) { return [...row.querySelectorAll("[data-cell]")]; }

class Sheet {
  constructor(form) {
    this.form = form;
    this.store = `sheet:${form.dataset.sheet}`;
    this.line = form.querySelector("[data-sheet-line]") ?? document.querySelector("[data-sheet-line]");
    this.queues = new WeakMap();
    this.pending = new Set();
    form.querySelectorAll("[data-cell]").forEach((cell) => { cell.dataset.saved = cell.value; });
    form.addEventListener("keydown", (event) => this.key(event));
    form.addEventListener("focusin", (event) => { if (event.target.matches("input[data-cell]")) event.target.select(); });
    form.addEventListener("change", (event) => { if (event.target.dataset.cell) this.save(event.target); });
    form.addEventListener("paste", (event) => this.paste(event));
    form.addEventListener("submit", (event) => this.submit(event));
    document.addEventListener("lims:scan", (event) => this.scanned(event));
    document.addEventListener("lims:taken", (event) => this.taken(event.detail));
    window.addEventListener("online", () => this.restore());
    window.addEventListener("beforeunload", () => {
      const cell = document.activeElement;
      if (cell?.dataset?.cell && form.contains(cell)) this.keep(cell);
    });
    this.restore();
  }

  // --- what is not saved yet survives a reload ---
  kept() { try { return JSON.parse(localStorage.getItem(this.store)) ?? {}; } catch { return {}; } }
  write(kept) {
    try {
      if (Object.keys(kept).length) localStorage.setItem(this.store, JSON.stringify(kept));
      else localStorage.removeItem(this.store);
    } catch { /* a full or closed store: the page itself still holds the text */ }
  }
  keep(cell) {
    const kept = this.kept();
    if (cell.value === cell.dataset.saved) delete kept[cell.name];
    else kept[cell.name] = { text: cell.value, base: cell.dataset.saved };
    this.write(kept);
  }
  restore() {
    for (const [name, { text, base }] of Object.entries(this.kept())) {
      const cell = this.form.querySelector(`[data-cell][name="${CSS.escape(name)}"]`);
      if (!cell || cell.readOnly || cell.disabled || cell.dataset.saved === text) { this.forget(name); continue; }
      cell.value = text;
      if (cell.dataset.saved === base) this.save(cell);
      else this.mark(cell, "failed", word("changedMeanwhile", { value: cell.dataset.saved }));
    }
  }
  forget(name) { const kept = this.kept(); delete kept[name]; this.write(kept); }

  // --- saving ---
  mark(cell, state, sentence = "") {
    const place = cell.closest("td");
    place.classList.remove("cell-saved", "cell-sending", "cell-unsaved", "cell-failed");
    place.classList.add(`cell-${state}`);
    let sign = place.querySelector(".cell-mark");
    if (!sign) {
      sign = place.appendChild(document.createElement("span"));
      sign.className = "cell-mark";
      sign.setAttribute("aria-hidden", "true");
    }
    sign.textContent = MARKS[state];
    cell.toggleAttribute("aria-invalid", state === "failed");
    if (state === "failed") cell.setAttribute("aria-invalid", "true");
    cell.title = sentence;
    this.say(sentence || (state === "saved" ? word("saved") : ""), state === "failed");
  }
  say(sentence, fault = false) {
    if (!this.line) return;
    this.line.textContent = sentence;
    this.line.classList.toggle("is-fault", fault);
  }
  save(cell) {
    if (cell.readOnly || cell.value === cell.dataset.saved) { this.keep(cell); return; }
    this.keep(cell);
    this.mark(cell, "sending");
    const row = cell.closest("tr");
    const waiting = this.queues.get(row) ?? Promise.resolve();
    const done = waiting.then(() => this.put(row, cell));
    this.queues.set(row, done);
    this.pending.add(done);
    done.finally(() => this.pending.delete(done));
  }
  // A button pressed while cells are on their way waits for them: their rows would be newer than the form says.
  submit(event) {
    if (!this.pending.size) { localStorage.removeItem(this.store); return; }
    event.preventDefault();
    const button = event.submitter;
    Promise.allSettled([...this.pending]).then(() => this.form.requestSubmit(button));
  }
  async put(row, cell) {
    const text = cell.value;
    if (text === cell.dataset.saved) return;
    const own = cell.dataset.url;
    const content = own ? { value: text } : { [cell.dataset.cell]: text };
    if (row.dataset.version) content.version = Number(row.dataset.version);
    const put = () => send(own ?? row.dataset.url, cell.dataset.method ?? row.dataset.method ?? "PUT", content, { keepalive: true });
    let answer = await put();
    if (answer.body?.code === "reason_needed") {
      content.reason = window.prompt(refusal(answer))?.trim();
      if (content.reason) answer = await put();
    }
    if (answer.ok) {
      cell.dataset.saved = text;
      this.apply(row, answer.body ?? {}, cell);
      this.keep(cell);
      if (cell.value === cell.dataset.saved) this.mark(cell, "saved", answer.body?.sentence ?? "");
    } else {
      this.mark(cell, answer.status === 0 ? "unsaved" : "failed", refusal(answer));
    }
  }
  apply(row, body, from = null) {
    if (body.version !== undefined) row.dataset.version = body.version;
    for (const [name, text] of Object.entries(body.cells ?? {})) {
      const cell = row.querySelector(`[data-cell="${CSS.escape(name)}"]`);
      if (!cell) continue;
      const untouched = cell.value === cell.dataset.saved || cell === from;
      cell.dataset.saved = text ?? "";
      if (untouched) cell.value = text ?? "";
    }
    for (const [name, text] of Object.entries(body.show ?? {})) {
      const place = row.querySelector(`[data-show="${CSS.escape(name)}"]`);
      if (!place) continue;
      const tone = body.tones?.[name];
      const shown = tone ? place.appendChild(document.createElement("span")) : null;
      if (shown) { shown.className = `state state-${tone}`; shown.textContent = text ?? ""; }
      place.replaceChildren(shown ?? document.createTextNode(text ?? ""));
    }
  }

  // --- moving ---
  move(cell, rows, columns) {
    const row = cell.closest("tr");
    const all = rowsOf(this.form);
    if (columns) {
      const cells = cellsOf(row);
      cells[cells.indexOf(cell) + columns]?.focus();
      return;
    }
    for (let n = all.indexOf(row) + rows; n >= 0 && n < all.length; n += rows) {
      const next = all[n].querySelector(`[data-cell="${CSS.escape(cell.dataset.cell)}"]:not([disabled])`);
      if (next) { next.focus(); return; }
    }
    if (rows > 0) this.save(cell);
  }
  key(event) {
    const cell = event.target;
    if (!cell.dataset?.cell || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const isSelect = cell.tagName === "SELECT";
    const whole = !isSelect && cell.selectionStart === 0 && cell.selectionEnd === cell.value.length;
    const steps = { Enter: [event.shiftKey ? -1 : 1, 0], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
    if (whole) Object.assign(steps, { ArrowLeft: [0, -1], ArrowRight: [0, 1] });
    if (event.key === "Escape") {
      cell.value = cell.dataset.saved;
      this.forget(cell.name);
      if (!isSelect) cell.select();
      this.say("");
    } else if (steps[event.key] && !(isSelect && event.key !== "Enter")) {
      event.preventDefault();
      if (event.key === "Enter") this.save(cell);
      this.move(cell, ...steps[event.key]);
    }
  }
  paste(event) {
    const start = event.target;
    const table = parseTable(event.clipboardData.getData("text/plain"));
    if (!start.dataset?.cell || (table.length < 2 && table[0]?.length < 2)) return;
    event.preventDefault();
    const rows = rowsOf(this.form);
    const first = rows.indexOf(start.closest("tr"));
    const column = cellsOf(rows[first]).indexOf(start);
    let filled = 0;
    table.forEach((texts, down) => {
      const cells = rows[first + down] ? cellsOf(rows[first + down]) : [];
      texts.forEach((text, right) => {
        const cell = cells[column + right];
        if (!cell || cell.readOnly || cell.disabled) return;
        cell.value = text;
        this.save(cell);
        filled += 1;
      });
    });
    const over = table.length - (rows.length - first);
    this.say(over > 0 ? word("pastedTooMany", { n: filled, over }) : word("pasted", { n: filled }), over > 0);
  }
  scanned(event) {
    const row = rowsOf(this.form).find((one) => one.dataset.code === event.detail.code);
    if (!row) return;
    event.preventDefault();
    const cells = cellsOf(row).filter((cell) => !cell.readOnly);
    (cells.find((cell) => cell.value === "") ?? cells[0])?.focus();
    row.scrollIntoView({ block: "center" });
  }
  taken({ row, cell, answer }) {
    if (!this.form.contains(row)) return;
    this.apply(row, answer, cell);
    if (cell) {
      this.keep(cell);
      this.mark(cell, "saved", answer.sentence ?? "");
      this.move(cell, 1, 0);
    }
  }
}

document.querySelectorAll("form[data-sheet]").forEach((form) => new Sheet(form));
