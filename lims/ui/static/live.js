// The live balance: a large figure, a mark for stable, unit and device by name; Space takes it.
//
//   <section class="live" data-live data-url="/api/devices/3/live" data-take-url="/api/worksheets/12/captures"
//            data-state="silent" aria-label="...">
//     <div><div class="live-device">天平 AE240</div><span data-live-mark></span></div>
//     <div class="live-figure"><span data-live-value>–</span> <span class="unit" data-live-unit></span></div>
//     <button class="btn btn-primary" type="button" data-live-take>Take (Space)</button>
//     <p class="live-note" data-live-note role="status"></p>
//   </section>
//
// GET data-url: {"capture_id": 77, "value": "100.20", "unit": "g", "stable": true, "age_s": 0.1,
//   "refusal": null} (refusal: why it may not be used now, e.g. out of calibration). Asked about 7 times a
//   second while the page is visible. POST data-take-url: {"capture_id": 77, "row": "123", "cell": "m1"} with
//   an Idempotency-Key; row and cell are those of the sheet cell with the focus (or the first empty one).
//   Answer: as a saved cell of sheet.js; a refusal is problem details, shown in full.
import { isTyping, randomKey, refusal, send, word } from "./common.js";

const PAUSE_MS = 140, SILENT_S = 3, RETRY_MS = 2000;

class Live {
  constructor(panel) {
    this.panel = panel;
    this.part = (name) => panel.querySelector(`[data-live-${name}]`);
    this.reading = null;
    this.target = null;
    this.refusedUntil = 0;
    this.part("take")?.addEventListener("click", () => this.take());
    document.addEventListener("focusin", (event) => { if (event.target.dataset?.cell) this.target = event.target; });
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.run(); });
    this.run();
  }
  async run() {
    if (this.running) return;
    this.running = true;
    while (!document.hidden && this.panel.isConnected) {
      const answer = await send(this.panel.dataset.url);
      if (answer.ok) this.show(answer.body);
      else this.state("silent", refusal(answer));
      await new Promise((go) => setTimeout(go, answer.ok ? PAUSE_MS : RETRY_MS));
    }
    this.running = false;
  }
  show(reading) {
    this.reading = reading;
    const silent = reading?.value == null || reading.age_s > SILENT_S;
    if (reading?.value != null) {
      this.part("value").textContent = reading.value.replace("-", "−");
      this.part("unit").textContent = reading.unit ?? "";
    }
    if (performance.now() < this.refusedUntil) return;
    if (silent) this.state("silent", word("silent"));
    else if (reading.refusal) this.state("refused", reading.refusal);
    else this.state(reading.stable ? "stable" : "unstable", "");
  }
  state(name, sentence) {
    if (this.panel.dataset.state !== name) {
      this.panel.dataset.state = name;
      const mark = this.part("mark");
      if (mark) {
        const tones = { stable: "done", unstable: "returned", refused: "fault", silent: "waiting" };
        mark.className = `state state-${tones[name]}`;
        mark.textContent = word(name === "silent" ? "noReading" : name === "refused" ? "notUsable" : name);
      }
    }
    const note = this.part("note");
    if (note && note.textContent !== sentence) note.textContent = sentence;
  }
  key(event) {
    if (event.key !== " " || event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const onCell = event.target.dataset?.cell && event.target.tagName === "INPUT" && !("text" in event.target.dataset);
    if (!onCell && (isTyping(event.target) || event.target.closest("button, a, summary, dialog"))) return;
    event.preventDefault();
    this.take();
  }
  place() {
    const usable = (cell) => cell?.isConnected && !cell.readOnly && !cell.disabled;
    if (usable(this.target)) return this.target;
    return [...document.querySelectorAll("input[data-cell]")].find((cell) => usable(cell) && cell.value === "");
  }
  async take() {
    if (this.taking || !this.reading) return;
    if (!this.reading.stable && !this.reading.refusal) { this.refuse(word("waitStable")); return; }
    this.taking = true;
    const cell = this.place();
    const row = cell?.closest("tr");
    const content = { capture_id: this.reading.capture_id, row: row?.dataset.row, cell: cell?.dataset.cell };
    const answer = await send(this.panel.dataset.takeUrl, "POST", content, { headers: { "Idempotency-Key": randomKey() } });
    this.taking = false;
    if (!answer.ok) { this.refuse(refusal(answer)); return; }
    document.dispatchEvent(new CustomEvent("lims:taken", { detail: { row, cell, answer: answer.body ?? {} } }));
    this.state("stable", word("taken", { value: this.reading.value, unit: this.reading.unit ?? "" }));
    this.refusedUntil = performance.now() + 1200;
  }
  refuse(sentence) {
    this.refusedUntil = performance.now() + 4000;
    this.state("refused", sentence);
  }
}

document.querySelectorAll("[data-live]").forEach((panel) => new Live(panel));
