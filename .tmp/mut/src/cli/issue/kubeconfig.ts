import { KUBECONFIG_FLAGS } from '../../config/kubeconfig.ts';
import type { Command } from '../terminal/command.ts';

export const kubeconfig: Command = {
  description:
    "Write a kubeconfig for a cluster, as Rancher builds it: a context through the management plane's proxy, if it has a `server-url`, and the contexts of the cluster's own authorized endpoint: its fqdn, or one for each control-plane node. An authorized endpoint is the current context.\n\nA token is issued only with --create-token. Otherwise the file gets the bearer that --token-file holds, or that of --token-name where the management plane stores it plain; what is stored hashed cannot be read back. Without any of them the file has no credential, and says so.",
  arguments: [{ name: 'CLUSTER', help: 'management id of the cluster', completes: 'cluster' }],
  flags: KUBECONFIG_FLAGS,
  examples: [
    {
      what: 'With a new token, for two weeks',
      command: 'kubeconfig c-m-abcdefgh --user u-ada --create-token --ttl 14d --output-file ada.kubeconfig',
    },
    {
      what: 'With a bearer that you have',
      command: 'kubeconfig c-m-abcdefgh --token-file ada.token --output-file ada.kubeconfig',
    },
    {
      what: 'Addresses and authorities alone, to look at',
      command: 'kubeconfig c-m-abcdefgh --minify',
    },
  ],
  exitCodes: {
    1: 'the token would be refused there, the cluster has no endpoint, or its CA data is unusable',
  },
  run: async (invocation, runtime) =>
    (await import('./run-kubeconfig.ts')).runKubeconfig(invocation, runtime),
};
