// What a kubectl-ace begins with: runs the program that lies beside it, compiled as far as was kept when it was made. Where what was
// kept is not for this Node (another version of V8, other flags by NODE_OPTIONS), V8 says so and compiles the program itself.
const { getRawAsset } = require('node:sea');
const { constants, Script } = require('node:vm');

// What no command is asked for needs little of it, and should not wait for the rest.
const isCommand = process.argv.slice(2).some((word) => !word.startsWith('-'));
let cachedData;
try {
  cachedData = Buffer.from(getRawAsset(isCommand ? 'command' : 'compiled'));
} catch {
  // Made for another platform than the one that it was made on.
}
// The bundle is ASCII, which is no work to read as what it is.
const script = new Script(Buffer.from(getRawAsset('program')).latin1Slice(), {
  filename: __filename,
  cachedData,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
script.runInThisContext()(exports, require, module, __filename, __dirname);
