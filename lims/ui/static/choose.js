// A search box in a long <select data-search> (tom-select, where script/setup fetched it).
function library() {
  return new Promise((resolve, reject) => {
    if (window.TomSelect) return resolve(window.TomSelect);
    const script = document.createElement("script");
    script.src = new URL("vendor/tom-select.complete.min.js", import.meta.url);
    script.onload = () => resolve(window.TomSelect);
    script.onerror = reject;
    document.head.append(script);
  });
}

export async function enhance(select) {
  try {
    const TomSelect = await library();
    select.dataset.words = select.labels?.[0]?.textContent.trim() ?? "";
    const chooser = new TomSelect(select, { maxOptions: 200, plugins: select.multiple ? ["remove_button"] : [] });
    const words = select.dataset.words ?? "";
    chooser.control_input.setAttribute("aria-label", words);
    select.setAttribute("aria-label", words);
  } catch { /* the plain select stays */ }
}
