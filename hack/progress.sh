# Sourced by the scripts beside it: what they say to the person who waits.
#
# Everything is written to stderr, because stdout carries the answer of provide.sh.

say() { printf '%s: %s\n' "$TOPIC" "$*" >&2; }

# skip REASON: the one line that a source leaves behind when it cannot be used.
skip() { say "$SOURCE_NAME cannot be used: $*"; exit 1; }

# with_progress LABEL LOG COMMAND...: runs COMMAND with its output in LOG and tells how long it has been running.
# The command stays in the foreground, so that Ctrl-C reaches it; only the clock runs beside it.
with_progress() {
  local label=$1 log=$2 started=$SECONDS code=0 ticker
  shift 2
  say "$label ..."
  tick "$label" "$$" 9>&- & ticker=$! # 9 is the lock of provide.sh: the clock must not hold it
  "$@" >>"$log" 2>&1 </dev/null || code=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  [ "$code" -ne 0 ] || say "$label: done in $((SECONDS - started)) s"
  return "$code"
}

# tick LABEL OWNER: a line that is rewritten on a terminal, a new line every 30 s elsewhere (CI logs).
# Ends with its owner, also when that was killed and could not end it.
tick() {
  local label=$1 owner=$2 elapsed=0
  trap - EXIT
  while sleep 1 && kill -0 "$owner" 2>/dev/null; do
    elapsed=$((elapsed + 1))
    if [ -t 2 ]; then
      printf '\r%s: %s ... %d s' "$TOPIC" "$label" "$elapsed" >&2
    elif [ $((elapsed % 30)) -eq 0 ]; then
      say "$label ... $elapsed s"
    fi
  done
}
