import { type Level, levelNames } from '../model/rule.ts';

/** 0 yellow, 1 orange, 2 red. */
export const rankOf = (level: Level): number => levelNames.indexOf(level);
