import type { Command } from './command.ts';

/** A line of the help, and where the command stands: only what is asked for is loaded, so that each begins at once. */
export interface Listed {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command, in the order of the help. */
export const commands: readonly Listed[] = [
  {
    name: 'start',
    summary: 'the whole system in one process; without a configuration, an exercise',
    load: async () => (await import('./start.ts')).startCommand,
  },
  {
    name: 'replay',
    summary: 'recorded files or a log through the fold, alert events out',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  {
    name: 'backtest',
    summary: 'recorded files through the fold, alerts scored against what happened',
    load: async () => (await import('./backtest.ts')).backtestCommand,
  },
  {
    name: 'rules',
    summary: 'check, test and explain rule files',
    load: async () => (await import('./rules.ts')).rulesCommand,
  },
  {
    name: 'cap',
    summary: 'check CAP messages; list the warnings of others',
    load: async () => (await import('./cap.ts')).capCommand,
  },
  {
    name: 'send',
    summary: 'feed recorded observations to a running server',
    load: async () => (await import('./send.ts')).sendCommand,
  },
  {
    name: 'selftest',
    summary: 'have a running server test its way to every channel now',
    load: async () => (await import('./selftest.ts')).selftestCommand,
  },
  {
    name: 'source',
    summary: "show what a producer's message would become",
    load: async () => (await import('./source.ts')).sourceCommand,
  },
  {
    name: 'tail',
    summary: 'alert events of a running server, one per line',
    load: async () => (await import('./tail.ts')).tailCommand,
  },
  {
    name: 'export',
    summary: 'write the observations of the archive to a Parquet or CSV file',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  {
    name: 'import',
    summary: 'take years of history into the archive',
    load: async () => (await import('./import.ts')).importCommand,
  },
  {
    name: 'sql',
    summary: 'ask the archive in SQL, for reading alone',
    load: async () => (await import('./sql.ts')).sqlCommand,
  },
  {
    name: 'climatology',
    summary: 'make the climatology that rules read',
    load: async () => (await import('./climatology.ts')).climatologyCommand,
  },
  {
    name: 'geo',
    summary: 'take the borders of municipalities from a mesh of the IBGE',
    load: async () => (await import('./geo.ts')).geoCommand,
  },
  {
    name: 'nowcast',
    summary: 'fit and score a baseline forecast of the next hours',
    load: async () => (await import('./nowcast.ts')).nowcastCommand,
  },
  {
    name: 'events',
    summary: 'what happened: import, list',
    load: async () => (await import('./events.ts')).eventsCommand,
  },
  {
    name: 'backup',
    summary: 'copy data, rules and configuration, also while the server runs',
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  {
    name: 'restore',
    summary: 'bring a backup into an empty data directory; nothing old is sent',
    load: async () => (await import('./restore.ts')).restoreCommand,
  },
  {
    name: 'user',
    summary: 'people who may use a server: add, list, remove, password, token',
    load: async () => (await import('./user.ts')).userCommand,
  },
  {
    name: 'key',
    summary: 'keys of stations and gateways: add, list, rotate, remove',
    load: async () => (await import('./key.ts')).keyCommand,
  },
  {
    name: 'subscriber',
    summary: 'what is kept about an address: export, erase',
    load: async () => (await import('./subscriber.ts')).subscriberCommand,
  },
  {
    name: 'rosters',
    summary: 'who is on duty, now and in the days to come',
    load: async () => (await import('./rosters.ts')).rostersCommand,
  },
  {
    name: 'audit',
    summary: 'who did what: verify the chain, list',
    load: async () => (await import('./audit.ts')).auditCommand,
  },
  {
    name: 'vapid',
    summary: 'makes the key pair of a web-push channel',
    load: async () => (await import('./vapid.ts')).vapidCommand,
  },
  {
    name: 'doctor',
    summary: 'check configuration, machine, services, channels and rules',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  {
    name: 'bench',
    summary: 'measure and print JSON; --help lists what there is',
    load: async () => (await import('./bench.ts')).benchCommand,
  },
];
