// Keeps the board of devices fresh: asks for the page again and takes its [data-board] over, while it is visible.
const EVERY_MS = 1000, RETRY_MS = 5000;
const board = document.querySelector("[data-board]");
const parser = new DOMParser();

async function refresh() {
  try {
    const answer = await fetch(board.dataset.board, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return RETRY_MS;
    const fresh = parser.parseFromString(await answer.text(), "text/html").querySelector("[data-board]");
    // Links keep the focus of who tabs through them.
    if (fresh && !board.contains(document.activeElement)) board.replaceChildren(...fresh.childNodes);
    return EVERY_MS;
  } catch { return RETRY_MS; }
}

async function run() {
  for (;;) {
    await new Promise((go) => setTimeout(go, EVERY_MS));
    if (document.hidden) continue;
    const wait = await refresh();
    if (wait > EVERY_MS) await new Promise((go) => setTimeout(go, wait));
  }
}

if (board) run();
