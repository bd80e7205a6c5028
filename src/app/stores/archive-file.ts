/** The archive of a data directory for commands that open it by themselves. */
export { openDuckdbArchive } from '../../store/archive/duckdb/archive.ts';
