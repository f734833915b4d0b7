#!/bin/sh
':' //; self=$(readlink -f "$0"); root=$(dirname "$(dirname "$self")")
':' //; flags='--max-semi-space-size=4 --no-allocation-site-pretenuring'
':' //; bundled="$root/hack/node/node_modules/.bin/node"
':' //; if node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>22||(a===22&&b>=19)?0:1)' 2>/dev/null; then exec node $flags "$self" "$@"; fi
':' //; if [ -x "$bundled" ]; then exec "$bundled" $flags "$self" "$@"; fi
':' //; exec node "$self" "$@"

// A shell script and a module at once: started by itself, the lines above pick a Node that is new enough and
// give the process over to it (so that signals reach it); started as `node …/ace-operator.js`, they are
// strings followed by comments. The flags are V8's: its young generation would grow to more than all the data we hold, and
// after the stores are filled it would take every request's garbage for data to keep.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 19)) {
  await import('../dist/main.js');
} else {
  process.stderr.write(
    `ace-operator: needs Node 22.19 or newer, this is ${process.versions.node}; start bin/ace-operator.js itself after \`make build\`, which brings one along\n`,
  );
  process.exit(3);
}
