import { formatAlertEvent } from '../../src/alerts/event-json.ts';
import { Intake } from '../../src/app/intake/intake.ts';
import { CommandRelay } from '../../src/app/relay.ts';
import { appendTick, Ticker } from '../../src/app/ticker.ts';
import { createDispatcher, type Dispatcher } from '../../src/delivery/dispatcher.ts';
import type { Log } from '../../src/log/log.ts';
import type { Ledger } from '../../src/store/ledger/ledger.ts';
import { PEOPLE, type Subscription } from '../../src/store/ledger/subscription.ts';
import { ModelLedger } from './ledger-model.ts';
import { overlaid } from './partition-view.ts';
import { Life, remote } from './scheduler.ts';
import { type Cadence, rulesOf } from './weather.ts';
import { note, violate, type World } from './world.ts';

/** A tick later than this many of its own spans after the one before says that we were down. */
const GAP_TICKS = 10;
const RESTART_MS = 1000;

/** From one look of the dispatcher to the next, ms. */
export const lookMs = ({ tickMs }: Cadence): number => tickMs * 5;

export const subscriptions: readonly Subscription[] = [
  { id: 'all', name: 'all', channel: 'ops', level: 'yellow', areas: 'all' },
  { id: 'severe', name: 'severe', channel: 'ops', level: 'orange', areas: 'all' },
  { id: 'one', name: 'one', channel: 'ops', level: 'yellow', areas: ['S3'] },
  {
    ...{ id: 'ladder', name: 'ladder', channel: PEOPLE, level: 'yellow', areas: 'all' },
    ladder: {
      steps: [
        { to: { channel: 'ops', address: 'first' }, afterMs: 60_000 },
        { to: { channel: 'ops', address: 'second' }, afterMs: 60_000 },
      ],
      rounds: 2,
      last: { channel: 'ops', address: 'last' },
    },
  },
];

/** The process with the doors: takes reports in, writes ticks and commands, and sends alerts out. */
export class Front {
  readonly #world: World;
  #life: Life;
  #intake: Intake | null = null;
  #dispatcher: Dispatcher | null = null;
  #stopTicks: () => Promise<void> = async () => {};
  #ticksWanted = true;

  constructor(world: World) {
    this.#world = world;
    this.#life = new Life('front');
    this.#life.isOver = true;
  }

  get isUp(): boolean {
    return !this.#life.isOver && !this.#life.isPaused && this.#intake !== null;
  }

  start(): void {
    const { scheduler } = this.#world;
    if (!this.#life.isOver) return;
    const life = new Life('front', scheduler.pick(1000) - 500);
    this.#life = life;
    this.#intake = null;
    scheduler.after(
      0,
      () =>
        void this.#open(life).then(
          () => note(this.#world, 'front is up'),
          (error) => {
            note(this.#world, `front does not start: ${String(error).slice(0, 60)}`);
            this.crash(RESTART_MS);
          },
        ),
      life,
    );
  }

  async #open(life: Life): Promise<void> {
    const { scheduler, broker, cadence, stations, ledger: medium } = this.#world;
    const ledger = this.#ledgerOf(life);
    const log = broker.client(life);
    const clock = scheduler.clockOf(life);
    const clocks = (await ledger.positions()).map(({ clockAt }) => clockAt).filter((at) => at > 0);
    const lastTickAt = Math.max(Number.NEGATIVE_INFINITY, ...clocks);
    const relay = new CommandRelay(ledger, log, clock.now);
    const intake = new Intake({
      atMost: { stations: 1000, reports: 100_000 },
      ...{ log, ledger, now: clock.now, unknown: 'hold' },
      adopt: (stations) => relay.putStations(stations),
      onCounted: () => {},
    });
    await relay.relay();
    await ledger.putStations(stations);
    await intake.load();
    if ((await log.bounds(0)).next === 0)
      await new Ticker(log, clock, Number.NEGATIVE_INFINITY, () => {}).once();
    await relay.putStations(intake.stations());
    await relay.putRules(rulesOf(cadence));
    await ledger.putSubscriptions('config', subscriptions);
    this.#dispatcher = this.#openDispatcher(life, ledger);
    if (this.#ticksWanted) await this.#startTicks(life, log, lastTickAt);
    medium.onTold = () => this.#dispatcher?.nudge();
    this.#dispatcher.start();
    this.#intake = intake;
  }

  #ledgerOf(life: Life): Ledger {
    const { scheduler, ledger, plant } = this.#world;
    const port = remote<Ledger>(scheduler, life, new ModelLedger(ledger, () => Math.floor(scheduler.now)));
    if (plant !== 'mark-before-send') return port;
    return overlaid(port, {
      claim: async (request) => {
        const claimed = await port.claim(request);
        const { now: at } = request;
        await port.settle(claimed.map(({ key }) => ({ key, state: 'delivered', at })));
        return claimed;
      },
    });
  }

  #openDispatcher(life: Life, ledger: Ledger): Dispatcher {
    const { scheduler, channel, cadence, plant } = this.#world;
    const watched = overlaid(ledger, {
      // The worst instants to die at: between the channel's answer and its mark.
      settle: async (outcomes) => {
        const isDelivered = outcomes.some(({ state }) => state === 'delivered');
        if (this.#world.hasFaults && isDelivered && scheduler.chance(0.01))
          scheduler.after(scheduler.random() * 5, () => this.crash(RESTART_MS, life));
        const isForgotten = plant === 'mark-lost' && isDelivered && scheduler.chance(0.05);
        return isForgotten ? undefined : ledger.settle(outcomes);
      },
      claim: async (...args) => {
        const claimed = await ledger.claim(...args);
        if (this.#world.hasFaults && claimed.length > 0 && scheduler.chance(0.02))
          scheduler.after(scheduler.random() * 30, () => this.crash(RESTART_MS, life));
        return claimed;
      },
    });
    return createDispatcher({
      ledger: watched,
      channels: new Map([['ops', channel.port(life)]]),
      claimer: 'front',
      clock: scheduler.clockOf(life),
      random: scheduler.random,
      body: ({ revision }) => formatAlertEvent(revision.event),
      regionsOf: () => [],
      pollMs: lookMs(cadence),
      onEvent: (event) => {
        if (event.kind === 'dead')
          violate(this.#world, `delivery ${event.delivery.key} was given up: ${event.reason}`);
      },
    });
  }

  async #startTicks(life: Life, log: Log, lastTickAt: number): Promise<void> {
    const { scheduler, cadence } = this.#world;
    const clock = scheduler.clockOf(life);
    if (cadence.tickMs === 1000) {
      const ticker = new Ticker(log, clock, lastTickAt, () => note(this.#world, 'tick failed'));
      await ticker.start();
      this.#stopTicks = () => ticker.stop();
      return;
    }
    // The system's ticker at another pace.
    let lastAt = lastTickAt;
    let isOver = false;
    const tick = async (): Promise<void> => {
      const at = Math.floor(clock.now() / 1000) * 1000;
      if (at <= lastAt) return;
      await appendTick(log, at, Number.isFinite(lastAt) && at - lastAt > GAP_TICKS * cadence.tickMs);
      lastAt = at;
    };
    const next = (): void => {
      if (isOver) return;
      clock.after(cadence.tickMs - (clock.now() % cadence.tickMs), () => {
        void tick()
          .catch(() => note(this.#world, 'tick failed'))
          .then(next);
      });
    };
    await tick();
    next();
    this.#stopTicks = async () => {
      isOver = true;
    };
  }

  /** `POST /observations`; undefined when the connection breaks. */
  post(body: string): Promise<{ readonly status: number; readonly body: unknown } | undefined> {
    const { scheduler } = this.#world;
    return new Promise((done) => {
      const life = this.#life;
      let isDone = false;
      const end = (answer?: { readonly status: number; readonly body: unknown }): void => {
        if (!isDone) scheduler.after(scheduler.delay(5), () => done(answer));
        isDone = true;
      };
      scheduler.after(10_000, () => end());
      const request = { contentType: 'application/json', encoding: 'identity', body: Buffer.from(body) };
      scheduler.after(
        scheduler.delay(5),
        () => {
          if (!this.#intake || life !== this.#life) return end();
          this.#intake.request(request).then(
            (answer) => !(this.#world.hasFaults && scheduler.chance(0.02)) && end(answer),
            () => end(),
          );
        },
        life,
      );
    });
  }

  pause(ms: number): void {
    const { scheduler, outages } = this.#world;
    const life = this.#life;
    if (life.isOver || life.isPaused) return;
    note(this.#world, 'front is paused');
    scheduler.pause(life);
    outages.push({ who: 'front', from: scheduler.now, to: scheduler.now + ms });
    scheduler.after(ms, () => scheduler.resume(life));
  }

  /** The machine's clock is set. */
  stepClock(ms: number): void {
    note(this.#world, 'clock of the front is set');
    this.#life.skewMs += Math.round(ms);
  }

  /** Dies, and comes back after `downMs`; nothing happens when `life` is not the present one. */
  crash(downMs: number, life = this.#life): void {
    const { scheduler, outages } = this.#world;
    if (life.isOver || life !== this.#life) return;
    note(this.#world, 'front crashes');
    life.isOver = true;
    this.#intake = null;
    outages.push({ who: 'front', from: scheduler.now, to: scheduler.now + downMs });
    scheduler.after(downMs, () => this.start());
  }

  /** Writes no more ticks, also after a restart. */
  async stopTicks(): Promise<void> {
    this.#ticksWanted = false;
    await this.#stopTicks();
  }
}
