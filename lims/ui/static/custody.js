// Hand over and store by scan: every scan, in the box or caught elsewhere, moves its sample at once.
// <form data-custody="/api/custody/scan"> with holder_id or place_id and code; the answer is echoed large, and
// its line, with a way back, goes on top of #custody-moves.
import { csrfToken, randomKey, refusal, send } from "./common.js";
import { echo, scanned } from "./scan.js";

const form = document.querySelector("form[data-custody]");
const code = form?.elements.code;
const list = document.querySelector("#custody-moves tbody");
let moved = 0;

function chosen(name) {
  const value = form.elements[name]?.value;
  return value ? Number(value) : null;
}

function hidden(name, value) {
  const input = document.createElement("input");
  input.type = "hidden";
  input.name = name;
  input.value = value;
  return input;
}

function show(body) {
  list.querySelector("tr.empty")?.remove();
  const row = document.createElement("tr");
  const [when, what, action] = ["td", "th", "td"].map((kind) => row.appendChild(document.createElement(kind)));
  when.textContent = new Date(body.event.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  what.scope = "row";
  what.textContent = body.line;
  action.className = "action";
  const back = action.appendChild(document.createElement("form"));
  back.method = "post";
  back.action = body.undo;
  const button = document.createElement("button");
  button.className = "btn btn-sm btn-outline-secondary";
  button.textContent = form.dataset.undo;
  back.append(hidden("csrf_token", csrfToken()), hidden("next", location.pathname + location.search), button);
  list.prepend(row);
  moved += 1;
  const count = document.querySelector("[data-custody-count]");
  if (count) count.textContent = String(moved);
}

async function move(text) {
  const target = { holder_id: chosen("holder_id"), place_id: chosen("place_id") };
  const answer = await send(form.dataset.custody, "POST", { code: text, ...target }, { headers: { "Idempotency-Key": randomKey() } });
  if (answer.ok && answer.body.open) return location.assign(answer.body.open);
  if (answer.ok) {
    echo(answer.body.echo, answer.body.event.place_id ? "held" : "done");
    show(answer.body);
  } else {
    echo(refusal(answer), "fault");
  }
  code.value = "";
  code.focus();
}

if (form) {
  document.addEventListener("lims:scan", (event) => {
    event.preventDefault();
    move(event.detail.code);
  });
  form.addEventListener("submit", (event) => {
    const text = code.value.trim();
    event.preventDefault();
    code.value = "";
    if (text) scanned(text);
  });
  code.focus();
}
