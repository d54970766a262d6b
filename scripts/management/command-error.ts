/** What a user of the command line can mend: said in one line, without a stack. */
export class CommandError extends Error {
  /** 1: refused or not reached; 2: the words of the command do not fit. */
  readonly exitCode: 1 | 2
  /** The API's, when it refused. */
  readonly status: number | undefined

  constructor(exitCode: 1 | 2, message: string, cause?: unknown, status?: number) {
    super(message, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
    this.status = status
  }
}
