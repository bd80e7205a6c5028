import { router } from './router.svelte.ts';

const chordMs = 1200;

/** Keys of every page: `g a` alerts, `g s` stations, `/` to the search box. Off while a person types. */
export function listenForKeys(signal: AbortSignal): void {
  let goAt = Number.NEGATIVE_INFINITY;
  const pages: Readonly<Record<string, string>> = { a: '/', s: '/stations' };
  addEventListener(
    'keydown',
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if (event.ctrlKey || event.metaKey || event.altKey || target?.closest('input, textarea, select'))
        return;
      const page = pages[event.key];
      if (event.key === '/') {
        const box = document.querySelector<HTMLInputElement>('input[type="search"]');
        if (box) event.preventDefault();
        box?.focus();
      } else if (event.key === 'g') goAt = event.timeStamp;
      else if (page !== undefined && event.timeStamp - goAt < chordMs) {
        goAt = Number.NEGATIVE_INFINITY;
        router.go(router.href(page));
      }
    },
    { signal },
  );
}
