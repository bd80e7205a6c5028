import { closeQuietly, loadClient, messageOf, shownUrl } from './client.ts';

const TIMEOUT_MS = 5000;

/** Connects, changing nothing, and says the server's version. Rejects with the address, without its password, when it cannot. */
export async function probeRabbitmq(
  url: string,
): Promise<{ readonly place: string; readonly version: string }> {
  const client = await loadClient();
  const place = shownUrl(url);
  try {
    const connection = await client.connect(url, { timeout: TIMEOUT_MS });
    const { serverProperties } = connection.connection as { serverProperties?: { version?: unknown } };
    await closeQuietly(connection);
    return { place, version: String(serverProperties?.version ?? 'unknown') };
  } catch (cause) {
    throw new Error(`${place}: ${messageOf(cause)}`, { cause });
  }
}
