// Talks to the server: JSON in and out, and the long-poll loop with its back-off.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

export class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

async function answerOf(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // An error page of a proxy is no JSON; the status says enough.
  }
  if (!response.ok) throw new ApiError(body?.error || `The server answered ${response.status}.`, response.status);
  if (body === null) throw new ApiError("The server's answer is not JSON.", response.status);
  return body;
}

export async function get(path, query = {}, signal = undefined) {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null));
  const target = words.size ? `${path}?${words}` : path;
  let response;
  try {
    response = await fetch(target, { signal, headers: { Accept: "application/json" }, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server can't be reached.");
  }
  return answerOf(response);
}

/** Post JSON; an answer with ok:false is thrown as an error like any other. */
export async function post(path, body = {}) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new ApiError("The server can't be reached. Try again when it is back.");
  }
  const answer = await answerOf(response);
  if (answer.ok === false) {
    const error = new ApiError(answer.error || "That did not work.", response.status);
    // An answer that lists errors is one whose reason already stands in the form or in a notice.
    error.told = "errors" in answer;
    throw error;
  }
  return answer;
}

const pause = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });

/**
 * Follow one person's state until stopped; returns the function that stops it.
 *
 * `onState` gets every answer, `onTrouble` an error or, once it is over, null.
 */
export function follow(person, onState, onTrouble) {
  const control = new AbortController();
  const { signal } = control;

  const run = async () => {
    let version = null;
    let wait = FIRST_PAUSE_MS;
    let troubled = false;
    while (!signal.aborted) {
      const asked = performance.now();
      try {
        const state = version === null
          ? await get("/ui/state", { as: person }, signal)
          : await get("/ui/wait", { as: person, since: version }, signal);
        if (signal.aborted) return;
        // A server that answers at once without news must not be asked in a tight loop.
        if (state.version === version && performance.now() - asked < FIRST_PAUSE_MS) await pause(FIRST_PAUSE_MS, signal);
        wait = FIRST_PAUSE_MS;
        if (troubled) onTrouble(null);
        troubled = false;
        version = state.version;
        onState(state);
      } catch (error) {
        if (signal.aborted) return;
        troubled = true;
        // After an outage the versions may have started anew, so the whole state is asked for.
        version = null;
        onTrouble(error);
        if (!(error instanceof ApiError)) console.error(error);
        await pause(wait * (0.75 + Math.random() / 2), signal);
        wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
      }
    }
  };
  run();
  return () => control.abort();
}
