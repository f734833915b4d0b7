import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WITHOUT_API_SERVER } from '../../without-api-server.ts';

test.each(WITHOUT_API_SERVER)('%s starts none, so that one Kubernetes is enough for it', (file) => {
  const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
  expect(text).not.toMatch(/startWorld|ControlPlane|auth-plane|local-node/);
});
