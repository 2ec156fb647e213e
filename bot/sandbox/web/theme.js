// Dark or light: what the system prefers, until somebody presses the button.

const KEY = "powerbot-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

// A browser that forbids storage still gets a working button, only no memory.
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See above.
  }
}

export function startTheme(button) {
  const now = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
  const draw = () => {
    const next = now() === "dark" ? "light" : "dark";
    button.textContent = now() === "dark" ? "☀" : "☾";
    button.setAttribute("aria-label", `Switch to ${next} colours`);
    button.title = `Switch to ${next} colours`;
  };
  const kept = recall(KEY);
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = now() === "dark" ? "light" : "dark";
    remember(KEY, now());
    draw();
  });
  dark.addEventListener("change", draw);
  draw();
}
