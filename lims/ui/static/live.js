// The live device: a large figure, a mark for stable, unit and device by name; Space takes it.
// The markup is lims/bench/templates/bench/live_panel.html; several panels may stand on a page, Space is the first's.
//
// GET data-url, about 7 times a second while the page is visible: {"value": "100.20", "unit": "g", "stable": true,
//   "age_s": 0.1, "refusal": null, "capture_id": null, "printed": null} (refusal: why it may not be used now, e.g. out
//   of calibration). capture_id and printed {"value", "unit"}: the print key of the device was pressed and nobody has
//   claimed the reading: the second button (or Shift+Space) claims it.
// Space or the first button: POST data-take-url {"device": 3, "row": "123", "cell": "m1-1"} with an Idempotency-Key; row
//   and cell are those of the sheet cell with the focus (or the first empty one). Answer 202 {"id", "href"}; GET href
//   until "state" is "done" (then "row" is the answer of a saved cell of sheet.js) or "refused" ("sentence").
//   With "capture_id" instead of "device" the answer is that of a saved cell at once.
// Tare, zero, set-up: POST data-command-url {"verb": "setup", "argument": "dc-volts-10"}, answered likewise; what the
// device then says it is set up to comes with the figure ("setup"). A refusal is problem details, shown in full.
// Code "reason_needed": a device's reading is replaced only with a reason, which is then asked for.
import { isTyping, randomKey, refusal, send, word } from "./common.js";

const PAUSE_MS = 140, SILENT_S = 3, RETRY_MS = 2000, LOOK_MS = 60, GIVE_UP_MS = 30_000;
const wait = (ms) => new Promise((go) => setTimeout(go, ms));

class Live {
  constructor(panel) {
    this.panel = panel;
    this.part = (name) => panel.querySelector(`[data-live-${name}]`);
    this.reading = null;
    this.target = null;
    this.heldUntil = 0;
    this.part("take")?.addEventListener("click", () => this.take());
    this.part("printed")?.addEventListener("click", () => this.takePrinted());
    panel.querySelectorAll("[data-live-command]").forEach((button) =>
      button.addEventListener("click", () => this.command(button.dataset.liveCommand)));
    document.addEventListener("focusin", (event) => { if (event.target.dataset?.cell) this.target = event.target; });
    if (panel === document.querySelector("[data-live]")) document.addEventListener("keydown", (event) => this.key(event));
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
      await wait(answer.ok ? PAUSE_MS : RETRY_MS);
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
    const setup = this.part("setup");
    if (setup && reading.setup) setup.textContent = reading.setup;
    const printed = this.part("printed");
    if (printed) {
      printed.hidden = !reading.printed;
      if (reading.printed) printed.textContent = word("printed", { value: reading.printed.value, unit: reading.printed.unit ?? "" });
    }
    if (this.taking || performance.now() < this.heldUntil) return;
    if (reading.refusal) this.state("refused", reading.refusal);
    else if (silent) this.state("silent", word("silent"));
    else this.state(reading.stable === false ? "unstable" : "stable", "");
  }
  state(name, sentence) {
    if (this.panel.dataset.state !== name) {
      this.panel.dataset.state = name;
      const mark = this.part("mark");
      if (mark) {
        const tones = { stable: "done", unstable: "returned", refused: "fault", silent: "waiting", taking: "working" };
        const words = { silent: "noReading", refused: "notUsable" };
        mark.className = `state state-${tones[name]}`;
        mark.textContent = word(words[name] ?? name);
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
    if (event.shiftKey) this.takePrinted();
    else this.take();
  }
  // Where a device's figure goes: also into cells that hands may not type in, not into disabled ones.
  place() {
    const usable = (cell) => cell?.isConnected && !cell.disabled && !("text" in cell.dataset);
    if (usable(this.target)) return this.target;
    return [...document.querySelectorAll("input[data-cell]")].find((cell) => usable(cell) && cell.value === "");
  }
  take() {
    if (!this.reading) return;
    if (this.reading.stable === false && !this.reading.refusal) { this.refuse(word("waitStable")); return; }
    this.ask({ device: Number(this.panel.dataset.device) });
  }
  takePrinted() {
    if (this.reading?.capture_id) this.ask({ capture_id: this.reading.capture_id });
  }
  async ask(what, reason) {
    const cell = this.place();
    const row = cell?.closest("tr");
    if (!row) { this.refuse(word("chooseCell")); return; }
    const content = { ...what, row: row.dataset.row, cell: cell.dataset.cell, ...(reason ? { reason } : {}) };
    const body = await this.order(this.panel.dataset.takeUrl, content, (answer) => {
      const said = answer.body?.code === "reason_needed" && !reason ? window.prompt(refusal(answer)) : null;
      if (said) this.ask(what, said);
      return !!said;
    });
    if (!body) return;
    document.dispatchEvent(new CustomEvent("lims:taken", { detail: { row, cell, answer: body.row ?? body } }));
    const { value, unit } = body.value == null ? this.reading.printed ?? this.reading : body;
    this.state("stable", word("taken", { value, unit: unit ?? "" }));
    this.heldUntil = performance.now() + 1200;
  }
  async command(verb) {
    const argument = verb === "setup" ? this.part("setups").value : "";
    if (await this.order(this.panel.dataset.commandUrl, { verb, argument })) this.heldUntil = 0;
  }
  // Sends an order and waits for its end: the answer, or null after a refusal was shown.
  async order(url, content, askAgain = () => false) {
    if (this.taking) return null;
    this.taking = true;
    this.state("taking", "");
    let answer = await send(url, "POST", content, { headers: { "Idempotency-Key": randomKey() } });
    const href = answer.body?.href, until = performance.now() + GIVE_UP_MS;
    while (answer.ok && href && (answer.body?.state ?? "waiting") === "waiting" && performance.now() < until) {
      await wait(LOOK_MS);
      answer = await send(href);
    }
    this.taking = false;
    if (answer.ok && answer.body?.state !== "refused" && answer.body?.state !== "waiting") return answer.body;
    if (!askAgain(answer)) this.refuse(answer.ok ? answer.body.sentence ?? word("failed") : refusal(answer));
    return null;
  }
  refuse(sentence) {
    this.heldUntil = performance.now() + 4000;
    this.state("refused", sentence);
  }
}

document.querySelectorAll("[data-live]").forEach((panel) => new Live(panel));
