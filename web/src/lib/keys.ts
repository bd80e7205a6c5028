import { router } from './router.svelte.ts';

const chordMs = 1200;

/** Whether a key is meant for the page: nobody types, nothing that a key works is focused. */
function isForPage(event: KeyboardEvent, working: string): boolean {
  const target = event.target instanceof Element ? event.target : null;
  return !(event.ctrlKey || event.metaKey || event.altKey || target?.closest(working));
}

/** Keys of one page; the returned function ends it. Off while a person types or a control has the focus. */
export function listenOnPage(keys: Readonly<Record<string, (event: KeyboardEvent) => void>>): () => void {
  const stop = new AbortController();
  const listen = (event: KeyboardEvent): void => {
    const work = keys[event.key];
    if (!work || goingSince(event) || !isForPage(event, 'input, textarea, select, button, a')) return;
    event.preventDefault();
    work(event);
  };
  addEventListener('keydown', listen, { signal: stop.signal });
  return () => stop.abort();
}

let goAt = Number.NEGATIVE_INFINITY;
/** A `g` came just before: the key belongs to the chord. */
const goingSince = (event: KeyboardEvent): boolean => event.timeStamp - goAt < chordMs;

/** Keys of every page: `g a` alerts, `g p` duty, `g e` raise by hand, `g i` silences, `g c` channels, `g s` stations, `/` to the search box. Off while a person types. */
export function listenForKeys(signal: AbortSignal): void {
  const pages: Readonly<Record<string, string>> = {
    a: '/',
    p: '/duty',
    e: '/raise',
    i: '/silences',
    c: '/channels',
    s: '/stations',
  };
  addEventListener(
    'keydown',
    (event) => {
      if (!isForPage(event, 'input, textarea, select')) return;
      const page = pages[event.key];
      if (event.key === '/') {
        const box = document.querySelector<HTMLInputElement>('input[type="search"]');
        if (box) event.preventDefault();
        box?.focus();
      } else if (event.key === 'g') goAt = event.timeStamp;
      else if (page !== undefined && goingSince(event)) {
        goAt = Number.NEGATIVE_INFINITY;
        router.go(router.href(page));
      }
    },
    { signal },
  );
}
