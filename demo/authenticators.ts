import { type AuthenticatorProcess, startAuthenticator } from '../test/support/authenticator-process.ts';
import type { ControlPlane } from '../test/support/control-plane.ts';

/** The webhooks of the demo's clusters; each API server knows its own by port. */
export class Authenticators {
  readonly #ports: ReadonlyMap<string, { readonly port: number }>;
  readonly #running: AuthenticatorProcess[] = [];

  constructor(ports: ReadonlyMap<string, { readonly port: number }>) {
    this.#ports = ports;
  }

  async start(plane: ControlPlane): Promise<void> {
    const webhook = this.#ports.get(plane.name);
    if (!webhook) throw new Error(`no webhook port was set aside for ${plane.name}`);
    this.#running.push(await startAuthenticator(plane.adminKubeconfig, webhook.port));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((authenticator) => authenticator.stop()));
  }
}
