import { getJson, send } from './api.ts';
import type { SessionUser } from './contract.ts';
import { live } from './live.svelte.ts';

const refreshEveryMs = 60_000;

interface Answer {
  readonly required: boolean;
  readonly user: SessionUser | null;
}

/** Who is at this screen, as the server knows it; asking is no use of the session, so that an idle one ends. */
class Account {
  /** Does the server ask anybody? Without users nobody is asked, and nothing is shown. */
  isRequired = $state(false);
  user = $state.raw<SessionUser | null>(null);

  /** Asks now, each minute and when the page is looked at again, until `signal` aborts. */
  start(signal: AbortSignal): void {
    const timer = setInterval(() => void this.refresh(), refreshEveryMs);
    signal.addEventListener('abort', () => clearInterval(timer));
    addEventListener('focus', () => void this.refresh(), { signal });
    void this.refresh();
  }

  async refresh(): Promise<void> {
    // Without an answer nothing is known anew; the banner tells when the server is gone.
    const answer = await getJson<Answer>('/session').catch(() => null);
    if (answer) this.#take(answer);
  }

  /** Signs in; what was wrong, when something was: `wrong` name or password, `wait` a number of seconds, `failed`. */
  async signIn(
    name: string,
    password: string,
  ): Promise<'done' | 'wrong' | 'failed' | { readonly wait: number }> {
    const response = await send('POST', '/session', { name, password }).catch(() => null);
    if (response?.ok) {
      this.#take((await response.json()) as Answer);
      return 'done';
    }
    if (response?.status === 401 || response?.status === 422) return 'wrong';
    if (response?.status === 429) return { wait: Number(response.headers.get('retry-after') ?? 10) };
    return 'failed';
  }

  /** Leaves; true when the server has ended the session. */
  async leave(): Promise<boolean> {
    const response = await send('DELETE', '/session').catch(() => null);
    if (response?.ok) this.#take({ required: this.isRequired, user: null });
    return response?.ok === true;
  }

  #take({ required, user }: Answer): void {
    const isOther = this.user?.name !== user?.name;
    this.isRequired = required;
    this.user = user;
    // What is shown of an alert depends on who looks at it.
    if (isOther) live.changes++;
  }
}

export const account = new Account();
