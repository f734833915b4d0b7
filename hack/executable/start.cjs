// What a kubectl-ace begins with: runs the program that lies beside it, compiled as far as was kept when it was made. Where what was
// kept is not for this Node (another version of V8, other flags by NODE_OPTIONS), V8 says so and compiles the program itself.
const { getAsset } = require('node:sea');
const { constants, Script } = require('node:vm');

let cachedData;
try {
  cachedData = Buffer.from(getAsset('compiled'));
} catch {
  // Made for another platform than the one that it was made on.
}
const script = new Script(getAsset('program', 'utf8'), {
  filename: __filename,
  cachedData,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
script.runInThisContext()(exports, require, module, __filename, __dirname);
