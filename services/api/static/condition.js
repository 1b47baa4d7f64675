// How a camera fares as one who looks at the page would say it; no traffic, no element.
//
// known: what a player knows: running, asleep, held, gone (from the list of cameras), online (from
// there too; null: not heard yet), lost (why the status cannot be had; empty: it can), status (the
// document), startedMs, paintedMs (0: never) and atMs, now.

/** Pictures that come stay for so long the picture of the moment. */
export const SILENT_MS = 5000;
const LOST_MS = 2000;

/** Whether the server says that there are pictures of the camera. */
export function isLive({ status, lost }) {
  return status?.condition === "live" && status.online && !lost;
}

/** One of the states that present.js has a name for. */
export function stateOf(known) {
  const { status, startedMs, paintedMs, atMs } = known;
  if (known.gone) return "gone";
  if (!known.running) return idleState(known);
  if (isOffline(known)) return "offline";
  if (!status && known.online === false) return "no-signal";
  if (!known.lost && status && !isLive(known)) {
    return status.condition === "stalled" ? "stalled" : "no-signal";
  }
  if (paintedMs < startedMs) {
    return !paintedMs || atMs - startedMs < SILENT_MS ? "connecting" : "stalled";
  }
  return atMs - paintedMs < SILENT_MS ? "live" : "stalled";
}

/** What to say beside the state; empty: nothing. */
export function messageOf(known) {
  const { status, lost } = known;
  if (known.gone) return "The server does not list this camera any more. It goes on if it comes back.";
  if (isOffline(known)) return `The API does not answer: ${lost}. Trying again.`;
  if (!status || isLive(known)) return "";
  if (status.condition === "live") return status.reason;
  return status.why ? `${status.advice} (${status.why})` : status.advice;
}

/** The API does not answer; while pictures come, that is another server's affair, or a moment's. */
function isOffline({ lost, paintedMs, atMs }) {
  return lost && atMs - paintedMs > LOST_MS;
}

/** Of a camera out of sight what the list of cameras says. */
function idleState({ asleep, held, online }) {
  if (!asleep || held) return "paused";
  if (online === null) return "connecting";
  return online ? "live" : "no-signal";
}
