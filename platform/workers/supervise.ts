/**
 * Runs n processes of this program as workers, which listen on the same ports (shared-ports.ts). A worker that ends is started again, after a
 * growing pause when it does so often. The workers end when this process ends, however it does: Node ends a worker whose channel is closed.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Log } from '#platform/logging/create-log.ts'
import type { Running } from '#platform/process/run-process.ts'
import { type Answered, isToSupervisor, type ToWorker } from './messages.ts'
import { checkFree } from './shared-ports.ts'

/** A worker that was ready for so long has not failed at once. */
const STEADY_MS = 60_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** Longer than a worker may take for it. */
const DRAIN_MS = 17_000
/** Longer than a health check of a worker may take. */
const ANSWER_MS = 3_000

type Place = {
  number: number
  worker: Worker | undefined
  readyAt: number | undefined
  /** How often in a row it ended before it was steady. */
  failures: number
}

/**
 * Resolves when all workers are ready. The first one starts alone: it migrates the database and makes what is made once. When one ends before
 * that, so does this process, with the worker's exit code; the worker has said why. Throws what `checkFree` throws.
 */
export async function supervise(q: {
  count: number
  settings: unknown
  log: Log
  /** Those on which the workers listen. */
  ports: readonly { host: string; port: number }[]
}): Promise<Running> {
  const { count, settings, log } = q
  const places = Array.from(
    { length: count },
    (_, index): Place => ({ number: index + 1, worker: undefined, readyAt: undefined, failures: 0 }),
  )
  const kept: Record<string, unknown> = {}
  const questions = new Map<number, (worker: number, answer: unknown) => void>()
  let asked = 0
  let phase: 'starting' | 'running' | 'stopping' = 'starting'

  cluster.setupPrimary({ serialization: 'advanced' })

  const say = (place: Place, message: ToWorker): void =>
    void (place.worker?.isConnected() === true && place.worker.send(message))

  const ask = (question: string): Promise<Answered[]> => {
    const id = ++asked
    const all = places.filter(({ readyAt }) => readyAt !== undefined)
    const answers = all.map(({ number }): Answered => ({ worker: number }))
    const { promise, resolve } = Promise.withResolvers<Answered[]>()
    const missing = new Set(answers.map(({ worker }) => worker))
    const end = (): void => {
      clearTimeout(late)
      questions.delete(id)
      resolve(answers)
    }
    const late = setTimeout(end, ANSWER_MS)
    questions.set(id, (worker, answer) => {
      const its = answers.find((one) => one.worker === worker)
      if (its !== undefined) its.answer = answer
      missing.delete(worker)
      if (missing.size === 0) end()
    })
    for (const place of all) say(place, { worker: 'question', id, question })
    if (all.length === 0) end()
    return promise
  }

  const hear = (from: Place, message: unknown): void => {
    if (!isToSupervisor(message)) return
    // Not before: Node gives messages to whoever listens, and a program that is still being read does not.
    if (message.supervisor === 'here')
      say(from, { worker: 'begin', beginning: { number: from.number, count, settings, kept } })
    else if (message.supervisor === 'answer') questions.get(message.id)?.(from.number, message.answer)
    else if (message.supervisor === 'ask') {
      const { id, question } = message
      void ask(question).then((answers) => say(from, { worker: 'answers', id, answers }))
    } else {
      const { what, value } = message
      if (message.keep) kept[what] = value
      for (const place of places) if (place !== from) say(place, { worker: 'told', what, value })
    }
  }

  /** Resolves to what the worker says when it is ready. */
  const start = (place: Place): Promise<string> => {
    const worker = cluster.fork()
    const { promise, resolve } = Promise.withResolvers<string>()
    Object.assign(place, { worker, readyAt: undefined })
    worker.on('message', (message: unknown) => {
      hear(place, message)
      if (typeof message !== 'object' || message === null || !('ready' in message)) return
      place.readyAt = performance.now()
      resolve('text' in message ? String(message.text) : '')
    })
    worker.on('exit', (code, signal) => onEnd(place, { code, signal: signal as string | null }))
    // What cannot be said to a worker that is just ending is of no use to it.
    worker.on('error', (cause) => log.warn({ err: cause, worker: place.number }, 'a worker was not reached'))
    return promise
  }

  const onEnd = (place: Place, how: { code: number | null; signal: string | null }): void => {
    const steady = place.readyAt !== undefined && performance.now() - place.readyAt >= STEADY_MS
    place.failures = steady ? 0 : place.failures + 1
    Object.assign(place, { worker: undefined, readyAt: undefined })
    if (phase === 'starting') process.exit(how.code ?? 1)
    if (phase === 'stopping') return
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, place.failures - 1), LONGEST_PAUSE_MS)
    log.error(
      { worker: place.number, ...how, startsInMs: pauseMs },
      'a worker has ended: it is started again',
    )
    setTimeout(() => {
      if (phase === 'running') void start(place)
    }, pauseMs)
  }

  await checkFree(q.ports)
  const [first, ...others] = places as [Place, ...Place[]]
  const text = await start(first)
  await Promise.all(others.map(start))
  phase = 'running'
  return {
    ready: `${text}; ${count} workers`,
    drainMs: DRAIN_MS,
    async stop() {
      phase = 'stopping'
      const running = places.flatMap(({ worker }) => worker ?? [])
      const ended = running.map(
        (worker) =>
          new Promise<number>((resolve) => {
            worker.once('exit', (code: number | null) => resolve(code ?? 1))
          }),
      )
      // Not by signal: a service manager sends its own to every process, and a second one ends a process at once.
      for (const worker of running) if (worker.isConnected()) worker.send({ stop: true })
      const codes = await Promise.all(ended)
      if (codes.some((code) => code !== 0)) throw new Error(`workers ended with ${codes.join(', ')}`)
    },
  }
}
