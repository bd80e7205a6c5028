/** Where a command writes; `process` fits. */
export interface CommandIo {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** One command of the command line. `run` returns the exit status, or throws an AtalaiaError that carries one. */
export interface Command {
  /** Help with examples. */
  readonly usage: string;
  run(argv: string[], io: CommandIo): Promise<number>;
}
