// Nothing is drawn between a press and its click: a button that is drawn anew in between, or pushed
// aside by what arrives, would never hear of it.

// A finger's click comes a moment after the finger has left.
const CLICK_MS = 50;
// What a lost release can hold back.
const LONGEST_MS = 5000;

let timer = 0;
let waiting = null;

function release() {
  clearTimeout(timer);
  const work = waiting;
  timer = 0;
  waiting = null;
  work?.();
}

function holdFor(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(release, milliseconds);
}

const isPress = (event) => event.type !== "keydown" || (event.key === " " && event.target.matches("button"));

for (const name of ["pointerdown", "keydown"]) {
  addEventListener(name, (event) => isPress(event) && holdFor(LONGEST_MS), true);
}
for (const name of ["pointerup", "pointercancel", "keyup"]) {
  addEventListener(name, () => timer && holdFor(CLICK_MS), true);
}

/** Draw now or, while something is pressed, as soon as its click is over; only the newest counts. */
export function afterPress(draw) {
  if (timer) waiting = draw;
  else draw();
}
