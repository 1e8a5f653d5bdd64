// Shared by our scripts. No effects at import.

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

// A short line that goes away by itself and is read out.
export function toast(sentence, tone = "done", seconds = 6) {
  const place = document.getElementById("toasts");
  if (!place) return;
  const line = document.createElement("div");
  line.className = `toast-line tone-${tone}`;
  line.textContent = sentence;
  place.append(line);
  setTimeout(() => line.remove(), seconds * 1000);
}

// Sends JSON; answers {ok, status, body}. Never throws: status 0 means the server was not reached.
export async function send(url, method = "GET", content = undefined, options = {}) {
  try {
    const answer = await fetch(url, {
      method,
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }),
        ...(content === undefined ? {} : { "Content-Type": "application/json" }),
        ...options.headers,
      },
      body: content === undefined ? undefined : JSON.stringify(content),
      credentials: "same-origin",
      signal: options.signal,
      keepalive: options.keepalive,
    });
    let body = null;
    try { body = await answer.json(); } catch { /* an empty answer */ }
    return { ok: answer.ok, status: answer.status, body };
  } catch (error) {
    return { ok: false, status: 0, body: null, aborted: error.name === "AbortError" };
  }
}

export function isTyping(element) {
  return !!element?.closest("input:not([type=checkbox]):not([type=radio]):not([type=submit]):not([type=button]), textarea, select, [contenteditable]");
}

// Words of the scripts in the reader's language (page.html puts them in). {n} is filled from `values`.
let words;
export function word(name, values = {}) {
  words ??= JSON.parse(document.getElementById("words")?.textContent || "{}");
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

// The sentence of a refusal (problem details), the faults of its fields included.
export function refusal(answer) {
  if (answer.status === 0) return word("offline");
  const body = answer.body ?? {};
  const fields = Object.values(body.fields ?? {}).flat();
  return fields.length ? fields.join(" ") : body.detail ?? word("failed");
}

// Rows copied from a spreadsheet: tab-separated, cells in quotes may hold line breaks.
export function parseTable(text) {
  const rows = [[]];
  let cell = "", quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') { cell += c; i += 1; }
      else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === "\t") { rows.at(-1).push(cell); cell = ""; }
    else if (c === "\n") { rows.at(-1).push(cell); cell = ""; rows.push([]); }
    else if (c !== "\r") cell += c;
  }
  rows.at(-1).push(cell);
  if (rows.at(-1).length === 1 && rows.at(-1)[0] === "") rows.pop();
  return rows.map((row) => row.map((value) => value.replace(/\s*\n\s*/g, " ").trim()));
}

export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
}
