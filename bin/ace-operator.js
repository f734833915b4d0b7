#!/bin/sh
':' //; case "$0" in */*) self=$0 ;; *) self=$(command -v "$0") ;; esac
':' //; while [ -L "$self" ]; do to=$(readlink "$self"); case "$to" in /*) self=$to ;; *) self=${self%/*}/$to ;; esac; done
':' //; node=${self%/*}/../hack/node/node_modules/.bin/node
':' //; [ -x "$node" ] || node=node
':' //; export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-131072}"
':' //; exec "$node" --max-semi-space-size=4 --no-allocation-site-pretenuring "$0" "$@"

// A shell script and a module at once: started by itself, the lines above pick a Node and give the process over to it
// (so that signals reach it, and the name it was started under); started as `node …/ace-operator.js`, they are strings
// followed by comments. hack/node exists only where `make` found the Node on PATH too old; asking node for its version each
// time would double the time to start. The flags are V8's: its young generation would grow to more than all the data
// we hold, and after the stores are filled it would take every request's garbage for data to keep. The variables are glibc's, as
// in manifests/operator: it would keep what connecting to many clusters took.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 19)) {
  await import('../dist/main.js');
} else {
  process.stderr.write(
    `ace-operator: needs Node 22.19 or newer, this is ${process.versions.node}; start bin/ace-operator.js itself after \`make build\`, which brings one along\n`,
  );
  process.exit(3);
}
