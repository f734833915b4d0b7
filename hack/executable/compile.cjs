// usage: node --predictable compile.cjs PROGRAM COMPILED WORD...     writes what V8 keeps of a program that ran with these words; PROGRAM is a wrapped one
//
// After a run, so that functions that are compiled when they are called first are in it. The same bytes each time, by --predictable, as
// long as the run waits for nobody.
const { readFileSync, writeFileSync } = require('node:fs');
const { constants, Script } = require('node:vm');

const [program, compiled, ...words] = process.argv.slice(2);
const script = new Script(readFileSync(program, 'latin1'), {
  filename: 'kubectl-ace.cjs',
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
process.argv.splice(1, process.argv.length, 'kubectl-ace', ...words);
process.on('exit', () => {
  process.exitCode = 0;
  writeFileSync(compiled, script.createCachedData());
});
script.runInThisContext()(exports, require, module, __filename, __dirname);
