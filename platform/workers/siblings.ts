/**
 * What one worker has of the others. All of them are processes of one user on one machine, so what is said
 * here is neither encrypted nor signed: who can read the channel can read the memory of the processes.
 */
import cluster from 'node:cluster'
import { type Answered, type Beginning, isToWorker, type ToSupervisor } from './messages.ts'
import { onceASecond } from './once-a-second.ts'

/** Longer than the supervisor waits for workers. */
const ANSWERS_MS = 5_000

export type Siblings = {
  /** From 1 on. */
  number: number
  count: number
  /** Answers a question that this or another worker asks. */
  onQuestion(question: string, answer: () => Promise<unknown>): void
  /**
   * Asks every worker that takes connections, this one too. Who asks the same within a second gets the same
   * answers. Undefined when the supervisor gives none within 5 s.
   */
  ask(question: string): Promise<Answered[] | undefined>
  /** Tells all others. With `keep` also those that begin later, who get the last value. */
  tell(what: string, value: unknown, o?: { keep: boolean }): void
  /** `listener` gets what others tell, and first the last value that was told or kept before. */
  onTold(what: string, listener: (value: unknown) => void): void
}

type Begun = { siblings: Siblings; settings: unknown }

/**
 * Undefined in a process that no supervisor has started. Resolves when the supervisor has said what to begin
 * with. `onAlone` is called when the supervisor is gone; the process ends with it.
 */
export async function begunAsWorker(onAlone: () => void): Promise<Begun | undefined> {
  const me = cluster.worker
  if (me === undefined) return undefined
  const answers = new Map<string, () => Promise<unknown>>()
  const listeners = new Map<string, (value: unknown) => void>()
  const waiting = new Map<number, (answers?: Answered[]) => void>()
  const { promise: beginning, resolve: begin } = Promise.withResolvers<Beginning>()
  let asked = 0
  // To a supervisor that is gone nothing can be said, and this process is about to end.
  const told = new Map<string, unknown>()
  me.on('disconnect', onAlone)
  const send = (message: ToSupervisor): void => void (me.isConnected() && me.send(message))
  process.on('message', (message: unknown) => {
    if (!isToWorker(message)) return
    if (message.worker === 'begin') begin(message.beginning)
    else if (message.worker === 'told') {
      told.set(message.what, message.value)
      listeners.get(message.what)?.(message.value)
    } else if (message.worker === 'answers') {
      waiting.get(message.id)?.(message.answers)
    } else {
      const { id, question } = message
      // One that cannot be answered yet counts as not answered in time.
      void (async () => answers.get(question)?.())().then(
        (answer) => send({ supervisor: 'answer', id, answer }),
        () => send({ supervisor: 'answer', id, answer: undefined }),
      )
    }
  })
  const ask = (question: string): Promise<Answered[] | undefined> => {
    const id = ++asked
    const { promise, resolve } = Promise.withResolvers<Answered[] | undefined>()
    const end = (answers?: Answered[]): void => {
      clearTimeout(late)
      waiting.delete(id)
      resolve(answers)
    }
    const late = setTimeout(end, ANSWERS_MS)
    waiting.set(id, end)
    send({ supervisor: 'ask', id, question })
    return promise
  }
  send({ supervisor: 'here' })
  const { number, count, settings, kept } = await beginning
  for (const [what, value] of Object.entries(kept)) if (!told.has(what)) told.set(what, value)
  return {
    settings,
    siblings: {
      ...{ number, count },
      onQuestion: (question, answer) => void answers.set(question, answer),
      ask: onceASecond(ask),
      tell: (what, value, o) => send({ supervisor: 'tell', what, value, keep: o?.keep === true }),
      onTold(what, listener) {
        listeners.set(what, listener)
        if (told.has(what)) listener(told.get(what))
      },
    },
  }
}
