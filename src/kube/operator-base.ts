import { createRequire, Module } from 'node:module';

/**
 * The base class of `@dot-i/k8s-operator`, without the two clients that it loads and that we let do nothing.
 *
 * client-node's 868 modules and gaxios take half a second of processor time at the start and 45 MB (docs/performance.md), and what reads a default
 * kubeconfig in the constructor would stop the operator where `KUBECONFIG` names no file. So the package finds stand-ins in their place while
 * it is loaded: with them no method of the base can send anything, overridden or not.
 */

type OperatorPackage = typeof import('@dot-i/k8s-operator');

const refuse = (what: string) => (): never => {
  throw new Error(`${what} is not available here: requests go through kube/transport.ts`);
};

/** What the constructor calls does nothing; what would read, write or watch says so. */
const STAND_INS: Readonly<Record<string, object>> = {
  '@kubernetes/client-node': {
    KubeConfig: class {
      loadFromDefault(): void {}
      makeApiClient(): undefined {}
      readonly getCurrentCluster = refuse('KubeConfig.getCurrentCluster');
      readonly applyToHTTPSOptions = refuse('KubeConfig.applyToHTTPSOptions');
    },
    Watch: class {
      readonly watch = refuse('Watch.watch');
    },
    loadYaml: refuse('loadYaml'),
  },
  gaxios: { instance: { request: refuse('gaxios.request') } },
};

/** Node's own cache of modules holds the stand-ins while this runs, and is as it was afterwards. */
function loadPackage(): OperatorPackage {
  const require = createRequire(import.meta.url);
  const path = require.resolve('@dot-i/k8s-operator');
  const ofPackage = createRequire(path);
  const replaced = new Map<string, NodeJS.Module | undefined>([[path, require.cache[path]]]);
  try {
    delete require.cache[path];
    for (const [name, exports] of Object.entries(STAND_INS)) {
      const file = ofPackage.resolve(name);
      replaced.set(file, require.cache[file]);
      require.cache[file] = Object.assign(new Module(file), { exports, loaded: true });
    }
    return require(path) as OperatorPackage;
  } finally {
    for (const [file, before] of replaced) {
      if (before) require.cache[file] = before;
      else delete require.cache[file];
    }
  }
}

const loaded = loadPackage();

/** The base class of an operator: declares watches in `init()`, and runs from `start()` to `stop()`. */
export const OperatorBase = loaded.default;
/** What an event of a watch was. */
export const ResourceEventType = loaded.ResourceEventType;
export type ResourceEventType = import('@dot-i/k8s-operator').ResourceEventType;
