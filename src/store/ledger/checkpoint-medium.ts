/** Where checkpoints lie: files of one machine, or rows that every process of a system reads. Bytes are opaque here. */
export interface CheckpointMedium {
  /** Offsets of the partition's checkpoints, ascending. */
  offsets(partition: number): Promise<readonly number[]>;
  /** The bytes of a checkpoint; undefined when there is none, or they cannot be read. */
  read(partition: number, offset: number): Promise<Uint8Array | undefined>;
  /** Resolves when the checkpoint stands whole; a crash before leaves what was there. */
  write(partition: number, offset: number, bytes: Uint8Array): Promise<void>;
  /** Removes checkpoints; for a shared medium only as long as the ledger has the partition under `epoch`. */
  remove(partition: number, offsets: readonly number[], epoch: number | undefined): Promise<void>;
  /** How a checkpoint is called in a message. */
  nameOf(partition: number, offset: number): string;
}
