import type { ApiDeps } from '../api/deps.ts';
import { reviewedRule } from './config/config.ts';
import { partitionOf } from './partition.ts';
import type { CommandRelay } from './relay.ts';
import type { SystemOptions } from './system-options.ts';

/** What raising alerts by hand needs: the templates, and the way into the log. */
export const raiseDeps = (
  { config, templates = [] }: SystemOptions,
  partitions: number,
  relay: CommandRelay,
): Required<Pick<ApiDeps, 'putRaise' | 'templates' | 'reviewed'>> => ({
  putRaise: (command, region, raise) => relay.putAct(command, partitionOf(region, partitions), raise),
  templates: () => templates,
  reviewed: (rule) => reviewedRule(config, rule),
});
