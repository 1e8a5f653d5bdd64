// The scanner is a keyboard. A burst (six characters or more, under 30 ms apart, ending in Enter) is caught
// wherever the focus is except in text inputs; "/" goes to the scan box. What was scanned is asked of the
// server (GET of the form marked data-scan, as JSON), echoed large in colour and words, and opened.
// The same code is ignored for 2 s.
// A page that wants scans for itself (to receive, to count) listens for the cancellable event "lims:scan"
// on document (event.detail.code), calls preventDefault(), and may show echo(words, tone) itself.
import { isTyping, send } from "./common.js";

const form = document.querySelector("form[data-scan]");
const box = form?.querySelector("input");
const PAUSE_MS = 30, LEAST = 6, IGNORE_MS = 2000;
let burst = "", lastKey = 0, lastCode = "", lastScan = 0;

export function echo(words, tone = "done") {
  document.querySelector(".scan-echo")?.remove();
  const sign = document.createElement("div");
  sign.className = `scan-echo tone-${tone}`;
  sign.setAttribute("role", "status");
  sign.textContent = words;
  document.body.append(sign);
  setTimeout(() => sign.remove(), tone === "fault" ? 4000 : 2000);
}

export async function scanned(code) {
  const now = performance.now();
  if (code === lastCode && now - lastScan < IGNORE_MS) return;
  lastCode = code; lastScan = now;
  const event = new CustomEvent("lims:scan", { detail: { code }, cancelable: true });
  if (!document.dispatchEvent(event)) return;
  const url = new URL(form.action);
  url.searchParams.set("code", code);
  const { ok, body, status } = await send(url);
  if (ok && body.found) {
    echo(body.echo, body.tone);
    setTimeout(() => location.assign(body.href), 250);
  } else if (status === 401) {
    form.submit();
  } else {
    echo(body?.sentence ?? body?.detail ?? "?", "fault");
    box.focus();
  }
}

if (form) {
  form.addEventListener("submit", (event) => {
    const code = box.value.trim();
    event.preventDefault();
    box.value = "";
    if (code) scanned(code);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (isTyping(event.target)) { burst = ""; return; }
    const now = performance.now();
    if (now - lastKey > PAUSE_MS) burst = "";
    lastKey = now;
    if (event.key === "Enter") {
      if (burst.length >= LEAST) {
        event.preventDefault();
        event.stopPropagation();
        scanned(burst);
      }
      burst = "";
    } else if (event.key.length === 1) {
      if (event.key === "/" && !burst) { event.preventDefault(); box.focus(); box.select(); return; }
      burst += event.key;
    }
  }, true);
}
