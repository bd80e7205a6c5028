import { getJson, send } from './api.ts';

/** A channel that browsers can subscribe to, with the public key of its server (VAPID, base64url). */
export interface PushChannel {
  readonly channel: string;
  readonly publicKey: string;
}
export type PushState = 'off' | 'on' | 'denied' | 'unable';

const WORKER = '/push-worker.js';
/** Id of the subscription that this browser has made here. */
const KEY = 'atalaia-push';

export const getPushChannels = async (): Promise<readonly PushChannel[]> =>
  (await getJson<{ items: PushChannel[] }>('/web-push')).items;

/** Whether this browser is told: it can be only over https, or on the server's own machine. */
export async function pushState(): Promise<PushState> {
  if (!('serviceWorker' in navigator) || !('PushManager' in globalThis) || !('Notification' in globalThis))
    return 'unable';
  if (Notification.permission === 'denied') return 'denied';
  const worker = await navigator.serviceWorker.getRegistration(WORKER);
  return (await worker?.pushManager.getSubscription()) && kept() ? 'on' : 'off';
}

/** Asks the person and the browser, then tells the server; resolves with what was wrong, null when nothing was. */
export async function startPush(channel: PushChannel, name: string, level: string): Promise<string | null> {
  const worker = await navigator.serviceWorker.register(WORKER);
  await navigator.serviceWorker.ready;
  const subscription = await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: channel.publicKey,
  });
  const { endpoint, keys } = subscription.toJSON();
  const address = `${endpoint}#${new URLSearchParams({ p256dh: keys?.p256dh ?? '', auth: keys?.auth ?? '' })}`;
  const answer = await send('POST', '/subscriptions', { name, channel: channel.channel, address, level });
  const told = (await answer.json().catch(() => ({}))) as { readonly id?: string; readonly detail?: string };
  if (answer.status === 201 && told.id !== undefined) {
    localStorage.setItem(KEY, told.id);
    return null;
  }
  // Nobody would ever send to it.
  await subscription.unsubscribe();
  return told.detail ?? `HTTP ${answer.status}`;
}

/** Ends it here and at the server; resolves with what was wrong, null when nothing was. */
export async function stopPush(): Promise<string | null> {
  const id = kept();
  const answer = id === null ? null : await send('DELETE', `/subscriptions/${encodeURIComponent(id)}`);
  if (answer && !answer.ok && answer.status !== 404) return `HTTP ${answer.status}`;
  localStorage.removeItem(KEY);
  const worker = await navigator.serviceWorker.getRegistration(WORKER);
  await (await worker?.pushManager.getSubscription())?.unsubscribe();
  return null;
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
