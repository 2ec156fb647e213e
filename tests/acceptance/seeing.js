// One sentence for each thing on the page that is off the screen, cut, or covered by another.

(width) => {
  const found = new Set();
  // A phone's page that is too wide is also taller than its screen, in its own pixels.
  const height = innerHeight * (width / innerWidth);
  const styles = new Map();
  const style = (node) => styles.get(node) ?? styles.set(node, getComputedStyle(node)).get(node);
  const scrolls = (node, way) => /auto|scroll/.test(style(node)[`overflow${way}`]);
  const name = (node) => {
    const words = (node.getAttribute("aria-label") || node.textContent).trim().slice(0, 50);
    return `${node.tagName.toLowerCase()}.${node.className || node.id} "${words}"`;
  };
  const above = function* (node) {
    for (let one = node.parentElement; one; one = one.parentElement) yield one;
  };
  // What only screen readers see is one pixel wide.
  const shown = (node) =>
    node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
    node.offsetWidth !== 1 && node.parentElement.offsetWidth !== 1;
  const inStrip = (node) =>
    [...above(node)].some((one) => scrolls(one, "X") && one.scrollWidth > one.clientWidth);

  /** The part of an element that no scrolling box around it hides. */
  const inSight = (node) => {
    let { left, top, right, bottom } = node.getBoundingClientRect();
    for (const one of above(node)) {
      if (style(one).overflowX === "visible") continue;
      const box = one.getBoundingClientRect();
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return { left, top: Math.max(0, top), right, bottom: Math.min(height, bottom) };
  };

  const off = (node, box) => {
    if ((box.left < -1 || box.right > width + 1) && !inStrip(node)) return true;
    return node.matches(".menu, .dialog, .toast") && (box.top < -1 || box.bottom > height + 1);
  };

  /** Words that their own box cuts; three dots are fair where the whole is in a tooltip. */
  const cut = (node) => {
    const words = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    const dots = style(node).textOverflow === "ellipsis" && node.closest("[title], .offer");
    return words && node.clientWidth && node.scrollWidth > node.clientWidth + 1 &&
      !scrolls(node, "X") && style(node).display !== "inline" && !dots;
  };

  /** What lies over the middle of a control. */
  const cover = (node) => {
    const { left, top, right, bottom } = inSight(node);
    if (right - left < 6 || bottom - top < 6) return null;
    const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    if (!over || node.contains(over) || over.contains(node)) return null;
    return over.closest("label")?.contains(node) ? null : over;
  };

  const page = document.documentElement.scrollWidth;
  if (page > width) found.add(`the page is ${page} pixels wide`);
  const layer =
    document.querySelector(".menu") ?? [...document.querySelectorAll("#layers > *")].at(-1);
  for (const node of document.querySelectorAll("#app *, #layers *, .menu, .menu *")) {
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height || !shown(node)) continue;
    if (off(node, box)) found.add(`off the screen: ${name(node)}, ${JSON.stringify(box)}`);
    if (cut(node)) found.add(`cut: ${name(node)}`);
    const control = node.matches("button:enabled, a[href], input, select, textarea");
    if (!control || node.closest("[inert]") || (layer && !layer.contains(node))) continue;
    const over = cover(node);
    if (over) found.add(`covered: ${name(node)} by ${name(over)}`);
  }
  return [...found].slice(0, 8);
};
