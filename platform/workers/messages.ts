/**
 * What a supervisor and its workers say to each other, over the channel that Node makes between two processes
 * of its own.
 */

/** What one worker says to a question; undefined when it did not in time. */
export type Answered = { worker: number; answer?: unknown }

/** To a worker that has just been started. */
export type Beginning = {
  number: number
  count: number
  settings: unknown
  /** What was told to be kept, by its name. */
  kept: Record<string, unknown>
}

export type ToWorker =
  | { worker: 'begin'; beginning: Beginning }
  | { worker: 'question'; id: number; question: string }
  | { worker: 'answers'; id: number; answers: Answered[] }
  | { worker: 'told'; what: string; value: unknown }

export type ToSupervisor =
  | { supervisor: 'here' }
  | { supervisor: 'ask'; id: number; question: string }
  | { supervisor: 'answer'; id: number; answer: unknown }
  | { supervisor: 'tell'; what: string; value: unknown; keep: boolean }

/**
 * Node sends messages of its own over the same channel, and a process says there when it is ready (process/).
 */
export function isToWorker(message: unknown): message is ToWorker {
  return typeof message === 'object' && message !== null && 'worker' in message
}

export function isToSupervisor(message: unknown): message is ToSupervisor {
  return typeof message === 'object' && message !== null && 'supervisor' in message
}
