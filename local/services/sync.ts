import type { Fabric, Network } from '../fabric/fabric.ts';

/**
 * A fabric is kept as `network()` says: level-triggered, one sync at a time, and many changes at once make one.
 * A sync that failed is reported, and tried again with the next change.
 */
export function syncer(fabric: Pick<Fabric, 'sync'>, network: () => Network, onError: (error: unknown) => void) {
  let stale = false;
  let working: Promise<void> | undefined;
  let last = '';

  return {
    changed(): void {
      stale = true;
      working ??= work();
    },

    async idle(): Promise<void> {
      while (working) await working;
    },
  };

  async function work(): Promise<void> {
    // The change that called is still being made.
    await Promise.resolve();
    while (stale) {
      stale = false;
      const next = network();
      const text = JSON.stringify(next);
      if (text === last) continue;
      try {
        await fabric.sync(next);
        last = text;
      } catch (error) {
        last = '';
        onError(error);
      }
    }
    working = undefined;
  }
}
