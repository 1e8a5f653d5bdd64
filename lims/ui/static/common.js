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
