/** An error that the user of the command line can correct: printed in one line, without a stack. */
export class CommandError extends Error {
  /** 1: refused, or the API was not reached. 2: the arguments of the command are wrong. */
  readonly exitCode: 1 | 2
  /** The HTTP status, when the API refused. */
  readonly status: number | undefined

  constructor(exitCode: 1 | 2, message: string, cause?: unknown, status?: number) {
    super(message, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
    this.status = status
  }
}
