/** What a process tells its operator: fields and a sentence, one JSON line each. Pino's loggers fit. */
export interface Journal {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
