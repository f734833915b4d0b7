// Stands where our own code has `undici`: what that code takes of it, without fetch, caches, mocks and WebSockets, which would be loaded
// each time. The files are undici's own, so that nothing is there twice.
const buildConnector = require('undici/lib/core/connect.js');
const Client = require('undici/lib/dispatcher/client.js');
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
const Pool = require('undici/lib/dispatcher/pool.js');

Object.assign(Dispatcher.prototype, require('undici/lib/api/index.js'));

module.exports = { buildConnector, Client, Pool };
