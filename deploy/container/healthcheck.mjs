// Alive or not, for HEALTHCHECK: exit status 0 when /healthz answers 200 within four seconds, else 1.
const port = process.env.ATALAIA_PORT ?? '8080';
const signal = AbortSignal.timeout(4000);
const isAlive = await fetch(`http://127.0.0.1:${port}/healthz`, { signal }).then(
  (answer) => answer.ok,
  () => false,
);
process.exitCode = isAlive ? 0 : 1;
