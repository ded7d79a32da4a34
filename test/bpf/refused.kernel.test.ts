import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  diverterPath,
  interceptArguments,
  type Result,
  type Router,
  type Rule,
  removeArguments,
  startRouter,
} from './router.ts';

describeKernel('a call of the router that is refused', () => {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter();
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  const rule: Rule = { destination: '100.64.0.1/32', protocol: 'tcp', ports: [443, 443], listener: 9, service: 'web' };
  const missing = { ...rule, interface: 'eth9' };
  const refused = () => JSON.parse(router.diverts('status', '--json')).refused;

  /** The command has a /dev/log of its own, where the harness listens. */
  const logged = (...args: string[]): Result =>
    router.exec([
      ...['unshare', '--mount', 'sh', '-c'],
      `mount -t tmpfs tmpfs /dev && ln -s /run/log /dev/log && exec ${diverterPath} ${args.join(' ')}`,
    ]);

  test('is kept, counted, and shown by status and health, until flush', () => {
    router.diverts('attach', 'eth0', '--from', 'any');
    router.intercept({ ...rule, listener: 0 });
    expect(refused()).toEqual({ count: 0, last: null });
    expect(router.diverts('status')).not.toContain('refused');
    expect(router.diverts('health')).toBe('attached, and no rule needs a listener\n');

    for (const port of [443, 444]) router.diverter(...interceptArguments({ ...missing, ports: [port, port] }));
    // The call asks for nothing that anybody has not.
    expect(router.diverter(...removeArguments({ ...rule, ports: [1, 1] })).code).toBe(1);
    const last = `-N eth9: there is no such interface; rules of one that is gone go by \`diverter flush\`, then restart the router: diverter ${interceptArguments({ ...missing, ports: [444, 444] }).join(' ')}`;
    expect(refused()).toEqual({ count: 2, last });
    expect(router.diverts('status')).toContain(`\nrefused   2 rules, the last: ${last}\n`);
    expect(router.diverts('health')).toBe(
      "attached, and no rule needs a listener; of the router's rules 2 were refused: `diverter status` says why\n",
    );
    router.diverts('flush');
    expect(refused()).toEqual({ count: 0, last: null });
  });

  test('also one whose options are not understood, and one too long to be kept whole', () => {
    router.diverts('attach', 'eth0', '--from', 'any');
    router.diverter(...interceptArguments(rule), '--new-option');
    expect(refused()).toMatchObject({ count: 1, last: expect.stringMatching(/ --new-option$/) });
    router.diverter(...interceptArguments({ ...missing, service: 'two\nlines' }));
    expect(refused()).toMatchObject({ count: 2, last: expect.stringMatching(/ -s two\?lines -N eth9$/) });
    router.diverter(...interceptArguments({ ...missing, service: 'x'.repeat(2000) }));
    expect(refused()).toMatchObject({ count: 3, last: expect.stringMatching(/^-N eth9: .*x\.\.\.$/) });
  });

  test('goes to the system log, as OpenZiti writes none of it', async () => {
    router.diverts('attach', 'eth0', '--from', 'any');
    const log = router.start(['log', '/run/log']);
    await log.line(/ready/);
    const failed = (code: number | null): void => expect(code).toBe(1);
    failed(logged(...interceptArguments(missing)).code);
    // LOG_DAEMON and LOG_ERR.
    expect(await log.line()).toMatch(
      /^<27>.* diverter: -N eth9: there is no such interface.*: diverter -I -c 100.64.0.1 /,
    );
    failed(logged(...removeArguments(rule)).code);
    expect(await log.line()).toMatch(/^<27>.* diverter: there is no such rule to remove.*: diverter -D -c 100.64.0.1 /);
    expect(logged(...interceptArguments(rule)).code).toBe(0);
    router.exec(['sh', '-c', 'while umount /sys/fs/bpf; do :; done']);
    failed(logged('-V').code);
    expect(await log.line()).toMatch(/^<27>.* diverter: \/sys\/fs\/bpf is not a BPF file system.*: diverter -V$/);
  });
});
