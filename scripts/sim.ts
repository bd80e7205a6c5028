import { parseArgs } from 'node:util';
import { isPlant, plants } from '../test/simulation/plants.ts';
import { reportOf, simulate } from '../test/simulation/simulate.ts';

const usage = `Usage: npm run sim -- [--seed N] [--seeds N] [--cadence hour|day] [--plant NAME] [--trace]

Runs the whole system above its ports in virtual time, with faults, and checks what it promises. The same seed gives
the same history, always.

  --seed N        the first seed; 1 unless told
  --seeds N       how many seeds; 1 unless told
  --cadence NAME  hour: one hour, a tick each second; day: one day, a tick each minute
  --plant NAME    builds a fault in: ${Object.keys(plants).join(', ')}
  --trace         every event, with its step and its virtual time
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    cadence: { type: 'string', default: 'hour' },
    plant: { type: 'string' },
    trace: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

async function main(): Promise<number> {
  const { cadence, plant } = values;
  const first = Number(values.seed);
  const count = Number(values.seeds);
  const isWrong =
    !Number.isSafeInteger(first) || !Number.isSafeInteger(count) || (cadence !== 'hour' && cadence !== 'day');
  if (values.help || isWrong || (plant !== undefined && !isPlant(plant))) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  const onTrace = values.trace ? { onTrace: (line: string) => console.log(line) } : {};
  let broken = 0;
  for (let seed = first; seed < first + count; seed++) {
    const startedAt = performance.now();
    const result = await simulate({ seed, cadence, plant, ...onTrace });
    const { reports, records, revisions, deliveries } = result.totals;
    console.log(
      `seed ${seed}: ${result.violations.length === 0 ? 'kept' : 'BROKEN'}; ${result.steps} steps, ${records} records, ${reports} reports, ${revisions} revisions, ${deliveries} deliveries; ${result.digest.slice(0, 16)}; ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
    );
    if (result.violations.length > 0) console.log(reportOf(result, { seed, cadence, plant }));
    if (values.trace)
      for (const [what, times] of [...result.counts].sort()) console.log(`  ${times} x ${what}`);
    if (result.violations.length > 0) broken++;
  }
  return broken > 0 ? 1 : 0;
}

process.exitCode = await main();
