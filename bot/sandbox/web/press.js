// A press is a click, whatever happens before its release: nothing is drawn meanwhile, and a button
// that was pushed from under a mouse that stayed where it was is clicked all the same.

// A finger's click comes a moment after the finger has left; a mouse's comes at once.
const CLICK_MS = 50;
// What a lost release can hold back.
const LONGEST_MS = 5000;
// A mouse that is pulled off a button takes the press back.
const STILL_PX = 4;

let timer = 0;
let waiting = null;
let pressed = null;

function release() {
  clearTimeout(timer);
  const [work, lost] = [waiting, pressed?.released ? pressed.node : null];
  timer = 0;
  waiting = pressed = null;
  lost?.click();
  work?.();
}

function holdFor(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(release, milliseconds);
}

const onCapture = (name, act) => addEventListener(name, act, true);

onCapture("pointerdown", ({ target, pointerType, button, clientX, clientY }) => {
  const node = pointerType === "mouse" && button === 0 ? target.closest?.("button, a[href]") : null;
  pressed = node && { node, clientX, clientY, released: false };
  holdFor(LONGEST_MS);
});
onCapture("pointerup", ({ clientX, clientY }) => {
  if (pressed) pressed.released = Math.hypot(clientX - pressed.clientX, clientY - pressed.clientY) <= STILL_PX;
  if (timer) holdFor(CLICK_MS);
});
onCapture("pointercancel", () => {
  pressed = null;
  if (timer) holdFor(CLICK_MS);
});
onCapture("click", ({ target }) => {
  if (pressed?.node.contains(target)) pressed = null;
});
onCapture("keydown", ({ key, target }) => {
  if (key === " " && target.matches("button")) holdFor(LONGEST_MS);
});
onCapture("keyup", () => {
  if (timer) holdFor(CLICK_MS);
});

/** Draw now or, while something is pressed, as soon as its click is over; only the newest counts. */
export function afterPress(draw) {
  if (timer) waiting = draw;
  else draw();
}
