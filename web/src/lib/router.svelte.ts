import type { Language } from '../../../src/model/language.ts';
import type { Dictionary } from '../i18n/dictionary.ts';
import { dictionaries } from '../i18n/index.ts';

/** The URL is the whole state: `#/alerts/ID?lang=en&theme=dark`. It is kept behind `#`, so any static server will do. */
export type Theme = 'light' | 'dark';
type Changes = Readonly<Record<string, string | null>>;

function read(): { path: string; params: URLSearchParams } {
  // A link without `#` (`/alerts/ID`, from a message) works where the server answers it with this page.
  const plain =
    location.pathname.length > 1 && location.hash === '' ? location.pathname + location.search : '';
  const [path = '/', query = ''] = (location.hash.slice(1) || plain || '/').split('?');
  return { path: path || '/', params: new URLSearchParams(query) };
}

class Router {
  path = $state('/');
  params = $state.raw(new URLSearchParams());
  readonly segments = $derived(this.path.split('/').filter(Boolean).map(decodeURIComponent));
  readonly language: Language = $derived(this.params.get('lang') === 'en' ? 'en' : 'pt-BR');
  readonly theme: Theme | null = $derived(
    this.params.get('theme') === 'dark' ? 'dark' : this.params.get('theme') === 'light' ? 'light' : null,
  );

  /** Follows the address bar until `signal` aborts. */
  start(signal: AbortSignal): void {
    const update = (): void => {
      const { path, params } = read();
      if (path !== this.path) scrollTo(0, 0);
      this.path = path;
      this.params = params;
    };
    update();
    addEventListener('hashchange', update, { signal });
  }

  /** Address of a page; language and theme go with it, other parameters only when named. */
  href(path: string, changes: Changes = {}): string {
    const params = new URLSearchParams();
    for (const key of ['lang', 'theme']) {
      const value = this.params.get(key);
      if (value !== null) params.set(key, value);
    }
    return this.#join(path, params, changes);
  }

  /** Address of this page with some parameters changed (null: taken away). */
  here(changes: Changes): string {
    return this.#join(this.path, new URLSearchParams(this.params), changes);
  }

  #join(path: string, params: URLSearchParams, changes: Changes): string {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === '') params.delete(key);
      else params.set(key, value);
    }
    const query = params.toString();
    return `#${path}${query ? `?${query}` : ''}`;
  }

  go(address: string): void {
    location.hash = address.slice(1);
  }

  /** Changes parameters without a new entry in the history (typing in a search box). */
  replace(changes: Changes): void {
    history.replaceState(null, '', this.here(changes));
    this.params = read().params;
  }
}

export const router = new Router();
/** The dictionary of the present language. */
export const t = (): Dictionary => dictionaries[router.language];
