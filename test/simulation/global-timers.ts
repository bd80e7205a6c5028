import type { Scheduler } from './scheduler.ts';

/**
 * Timers and clocks of the machine, replaced by those of the simulation while `run` works: code that did not ask for a
 * Clock cannot leave virtual time either. A timer belongs to the process whose step is running. Spans of these timers
 * are `scale` times longer, for runs that look less closely.
 */
export async function withVirtualTimers<T>(
  scheduler: Scheduler,
  scale: number,
  run: () => Promise<T>,
): Promise<T> {
  const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = globalThis;
  const kept = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate };
  const dateNow = Date.now;

  const timer = (cancel: () => void) => {
    const handle = {
      cancel,
      ref: () => handle,
      unref: () => handle,
      hasRef: () => true,
      [Symbol.dispose]: cancel,
    };
    return handle;
  };
  const clear = (handle: unknown): void => {
    if (handle && typeof handle === 'object' && 'cancel' in handle) (handle as { cancel(): void }).cancel();
  };
  const once = (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    timer(scheduler.after(ms * scale, () => callback(...args), scheduler.current));
  const every = (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    let isOver = false;
    let cancel = (): void => {};
    const { current } = scheduler;
    const next = (): void => {
      cancel = scheduler.after(
        Math.max(1, ms * scale),
        () => {
          callback(...args);
          if (!isOver) next();
        },
        current,
      );
    };
    next();
    return timer(() => {
      isOver = true;
      cancel();
    });
  };
  Object.assign(globalThis, {
    setTimeout: once,
    clearTimeout: clear,
    setInterval: every,
    clearInterval: clear,
    setImmediate: (callback: (...args: unknown[]) => void, ...args: unknown[]) => once(callback, 0, ...args),
    clearImmediate: clear,
  });
  Object.defineProperty(performance, 'now', { value: () => scheduler.now / scale, configurable: true });
  Date.now = () => Math.floor(scheduler.now);
  try {
    return await run();
  } finally {
    Object.assign(globalThis, kept);
    Reflect.deleteProperty(performance, 'now');
    Date.now = dateNow;
  }
}
