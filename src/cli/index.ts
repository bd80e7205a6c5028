import { benchCommand } from './bench.ts';
import { capCommand } from './cap.ts';
import type { Command } from './command.ts';
import { exportCommand } from './export.ts';
import { replayCommand } from './replay.ts';
import { rulesCommand } from './rules.ts';
import { sendCommand } from './send.ts';
import { startCommand } from './start.ts';
import { tailCommand } from './tail.ts';

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  startCommand,
  replayCommand,
  rulesCommand,
  capCommand,
  sendCommand,
  tailCommand,
  exportCommand,
  benchCommand,
];
