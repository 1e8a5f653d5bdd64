// A file is verified by its fingerprint: the browser computes SHA-256, the file stays where it is.
//
//   <form data-verify-file data-url="/api/verify/files/SHA256" data-expected="hex, where one report is meant">
//     <input type="file"> … <div data-outcome data-same="…" data-other="…" data-busy="…" data-open data-withdrawn></div>
//
// Without script (or without crypto.subtle, which needs https or localhost) the form is sent and the server hashes.
import { refusal, send } from "./common.js";

async function fingerprint(file) {
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function say(place, sentence, tone, href = "") {
  place.textContent = "";
  const line = place.appendChild(document.createElement("p"));
  line.className = `notice tone-${tone}`;
  line.textContent = sentence;
  if (href) { line.append(" "); const link = line.appendChild(document.createElement("a")); link.href = href; link.textContent = href; }
}

async function verify(form, file) {
  const place = form.querySelector("[data-outcome]"), words = place.dataset;
  say(place, words.busy, "working");
  const sha256 = await fingerprint(file);
  if (form.dataset.expected) {
    const same = sha256 === form.dataset.expected;
    say(place, `${same ? words.same : words.other} SHA-256 ${sha256}`, same ? "done" : "fault");
    return;
  }
  const answer = await send(form.dataset.url.replace("SHA256", sha256));
  if (!answer.ok) { say(place, refusal(answer), "fault"); return; }
  const { genuine, number, issued_on: day, title, laboratory } = answer.body;
  const zh = document.documentElement.lang.startsWith("zh");
  const of = (text) => (zh ? text.zh || text.en : text.en || text.zh);
  say(place, `${genuine ? words.open : words.withdrawn} ${number} · ${of(title)} · ${of(laboratory)} · ${day ?? ""}`, genuine ? "done" : "fault");
}

function start(form) {
  const input = form.querySelector("input[type=file]");
  if (!globalThis.crypto?.subtle) return;
  const go = () => { if (input.files.length) verify(form, input.files[0]); };
  form.addEventListener("submit", (event) => { event.preventDefault(); go(); });
  input.addEventListener("change", go);
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("is-over"); });
  form.addEventListener("dragleave", () => form.classList.remove("is-over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("is-over");
    if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; go(); }
  });
}

document.querySelectorAll("[data-verify-file]").forEach(start);
document.querySelectorAll("[data-select-all]").forEach((input) => input.addEventListener("focus", () => input.select()));
