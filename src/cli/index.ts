import { auditCommand } from './audit.ts';
import { backtestCommand } from './backtest.ts';
import { backupCommand } from './backup.ts';
import { benchCommand } from './bench.ts';
import { capCommand } from './cap.ts';
import { climatologyCommand } from './climatology.ts';
import type { Command } from './command.ts';
import { doctorCommand } from './doctor.ts';
import { eventsCommand } from './events.ts';
import { exportCommand } from './export.ts';
import { geoCommand } from './geo.ts';
import { importCommand } from './import.ts';
import { keyCommand } from './key.ts';
import { nowcastCommand } from './nowcast.ts';
import { replayCommand } from './replay.ts';
import { restoreCommand } from './restore.ts';
import { rostersCommand } from './rosters.ts';
import { rulesCommand } from './rules.ts';
import { selftestCommand } from './selftest.ts';
import { sendCommand } from './send.ts';
import { sourceCommand } from './source.ts';
import { sqlCommand } from './sql.ts';
import { startCommand } from './start.ts';
import { subscriberCommand } from './subscriber.ts';
import { tailCommand } from './tail.ts';
import { userCommand } from './user.ts';
import { vapidCommand } from './vapid.ts';

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  startCommand,
  replayCommand,
  backtestCommand,
  rulesCommand,
  capCommand,
  sendCommand,
  selftestCommand,
  sourceCommand,
  tailCommand,
  exportCommand,
  importCommand,
  sqlCommand,
  climatologyCommand,
  geoCommand,
  nowcastCommand,
  eventsCommand,
  backupCommand,
  restoreCommand,
  userCommand,
  keyCommand,
  subscriberCommand,
  rostersCommand,
  auditCommand,
  vapidCommand,
  doctorCommand,
  benchCommand,
];
