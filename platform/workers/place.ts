/** The place of one worker at its supervisor: one process after the other has it. */
import type { Worker } from 'node:cluster'
import type { ToWorker } from './messages.ts'

/** How a process ended; both are null when it could not be started. */
export type End = { code: number | null; signal: string | null }

export type Place = {
  number: number
  worker: Worker | undefined
  ended: Promise<End> | undefined
  readyAt: number | undefined
  /** How often in a row it ended before it was steady. */
  failures: number
  /** How many questions it was asked since it last said anything. */
  unanswered: number
}

export function emptyPlace(number: number): Place {
  const nobody = { worker: undefined, ended: undefined, readyAt: undefined }
  return { number, ...nobody, failures: 0, unanswered: 0 }
}

/** Does nothing when the worker has ended or is ending. */
export function say({ worker }: Place, message: ToWorker | { stop: true }): void {
  if (worker?.isConnected() === true) worker.send(message)
}

/** Also resolves when the process could not be started: Node reports no exit of such a one. */
export function endOf(worker: Worker): Promise<End> {
  return new Promise((resolve) => {
    worker.once('exit', (code: number | null, signal: string | null) => resolve({ code, signal }))
    worker.on('error', () => {
      if (worker.process.pid === undefined) resolve({ code: null, signal: null })
    })
  })
}
