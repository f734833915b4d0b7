/** The checker, a process of its own: what the driver does to the world must not slow or sway it. */
import type { FromChecker, ToChecker } from '../messages.ts';
import { Checker } from './checker.ts';

let checker: Checker | undefined;
const say = (message: FromChecker): void => void process.send?.(message);

process.on('message', (message: ToChecker) => {
  if (message.type === 'start') {
    checker = new Checker(message.scene, say);
    checker.start();
    say({ type: 'ready' });
  } else checker?.tell(message);
});
// The driver is gone: nobody wants to know any more.
process.on('disconnect', () => process.exit(0));
