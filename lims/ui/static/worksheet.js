// A worksheet: a scanned sample that is not on it yet is put on it; other codes open what they name.
//
//   <form data-add-url="/api/worksheets/12/samples">     POST {"code": "YP2026-00042"}
import { refusal, send } from "./common.js";
import { echo } from "./scan.js";

const form = document.querySelector("form[data-add-url]");

// After sheet.js, which takes the codes of its own rows.
document.addEventListener("lims:scan", async (event) => {
  if (event.defaultPrevented || !form) return;
  event.preventDefault();
  const { code } = event.detail;
  const answer = await send(form.dataset.addUrl, "POST", { code });
  if (answer.ok) {
    echo(code);
    setTimeout(() => location.reload(), 300);
  } else if (answer.body?.code === "sample_unknown") {
    const scan = document.querySelector("form[data-scan]");
    const url = new URL(scan.action);
    url.searchParams.set("code", code);
    location.assign(url);
  } else {
    echo(refusal(answer), "fault");
  }
});
