// Usual label sizes fill width and height.
const form = document.querySelector("form[data-labels]");
form?.addEventListener("click", (event) => {
  const [width, height] = event.target.dataset?.size?.split("x") ?? [];
  if (!width) return;
  form.elements.width_mm.value = width;
  form.elements.height_mm.value = height;
});
