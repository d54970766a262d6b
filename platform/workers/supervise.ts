/**
 * Runs n processes of this program as workers, which listen on the same ports (shared-ports.ts). A worker
 * that ends is started again, after a growing pause when it does so often; one that hangs is ended. When this
 * process ends, Node ends each worker as its channel closes, unless it hangs.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Log } from '#platform/logging/create-log.ts'
import type { Running } from '#platform/process/run-process.ts'
import { createQuestions } from './ask-all.ts'
import { endSilent } from './end-silent.ts'
import { isToSupervisor } from './messages.ts'
import { type End, emptyPlace, endOf, type Place, say } from './place.ts'
import { checkFree } from './shared-ports.ts'

/** A worker that was ready for so long has not failed at once. */
const STEADY_MS = 60_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** A worker ends itself when it has not drained after 15 s. */
const KILL_MS = 16_000
const DRAIN_MS = 17_000
const LOOK_MS = 5_000

/**
 * Resolves when all workers are ready. The first one starts alone: it migrates the database and makes what is
 * made once. When one ends before that, this process drains those that are ready, and ends with the worker's
 * exit code; the worker has said why. `onStart` gets what stops it, for who does so before all are ready.
 * Throws what `checkFree` throws.
 */
export async function supervise(q: {
  count: number
  settings: unknown
  log: Log
  /** Those on which the workers listen. */
  ports: readonly { host: string; port: number }[]
  onStart(running: Running): void
  /** How often each worker is asked whether it hangs, and when one that does not drain is killed. */
  waits?: { lookMs: number; killMs: number }
}): Promise<Running> {
  const { count, settings, log } = q
  const { lookMs, killMs } = q.waits ?? { lookMs: LOOK_MS, killMs: KILL_MS }
  const places = Array.from({ length: count }, (_, index) => emptyPlace(index + 1))
  const kept: Record<string, unknown> = {}
  const questions = createQuestions(places)
  let phase: 'starting' | 'running' | 'stopping' = 'starting'

  cluster.setupPrimary({ serialization: 'advanced' })

  const hear = (from: Place, message: unknown): void => {
    from.unanswered = 0
    if (!isToSupervisor(message)) return
    // Not before: Node gives messages to whoever listens, and a program that is still being read does not.
    if (message.supervisor === 'here')
      say(from, { worker: 'begin', beginning: { number: from.number, count, settings, kept } })
    else if (message.supervisor === 'answer') questions.onAnswer(message.id, from.number, message.answer)
    else if (message.supervisor === 'ask') {
      const { id, question } = message
      void questions.ask(question).then((answers) => say(from, { worker: 'answers', id, answers }))
    } else {
      const { what, value } = message
      if (message.keep) kept[what] = value
      for (const place of places) if (place !== from) say(place, { worker: 'told', what, value })
    }
  }

  /** Resolves to what the worker says when it is ready. */
  const start = (place: Place): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const worker = fork(log, place.number)
    const ended = worker === undefined ? Promise.resolve({ code: null, signal: null }) : endOf(worker)
    Object.assign(place, { worker, ended, readyAt: undefined, unanswered: 0 })
    void ended.then((how) => onEnd(place, how))
    worker?.on('message', (message: unknown) => {
      hear(place, message)
      if (typeof message !== 'object' || message === null || !('ready' in message)) return
      place.readyAt = performance.now()
      resolve('text' in message ? String(message.text) : '')
    })
    return promise
  }

  const onEnd = (place: Place, how: End): void => {
    const steady = place.readyAt !== undefined && performance.now() - place.readyAt >= STEADY_MS
    place.failures = steady ? 0 : place.failures + 1
    Object.assign(place, { worker: undefined, ended: undefined, readyAt: undefined })
    if (phase === 'stopping') return
    if (phase === 'starting') {
      void stop().finally(() => process.exit(how.code ?? 1))
      return
    }
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, place.failures - 1), LONGEST_PAUSE_MS)
    log.error(
      { worker: place.number, ...how, startsInMs: pauseMs },
      'a worker has ended: it is started again',
    )
    setTimeout(() => {
      if (phase === 'running') void start(place)
    }, pauseMs)
  }

  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    phase = 'stopping'
    stopLooking()
    stopped ??= drain(places, killMs)
    return stopped
  }

  await checkFree(q.ports)
  const stopLooking = endSilent(places, { everyMs: lookMs, log })
  q.onStart({ stop, drainMs: DRAIN_MS })
  const [first, ...others] = places as [Place, ...Place[]]
  const text = await start(first)
  // It may have been told to stop meanwhile.
  if (phase === 'starting') await Promise.all(others.map(start))
  if (phase === 'starting') phase = 'running'
  return { ready: `${text}; ${count} workers`, drainMs: DRAIN_MS, stop }
}

/**
 * Undefined when this process may start no other one, as when memory is short: the next attempt may succeed.
 */
function fork(log: Log, number: number): Worker | undefined {
  try {
    const worker = cluster.fork()
    worker.on('error', (cause) => {
      const isStarted = worker.process.pid !== undefined
      // What cannot be said to a worker that is just ending is of no use to it.
      log.warn(
        { err: cause, worker: number },
        isStarted ? 'a worker was not reached' : 'a worker was not started',
      )
    })
    return worker
  } catch (cause) {
    log.warn({ err: cause, worker: number }, 'a worker was not started')
    return undefined
  }
}

/** Throws when one that was ready did not end by itself and well. */
async function drain(places: readonly Place[], killMs: number): Promise<void> {
  const running = places.filter(({ worker }) => worker !== undefined)
  const ready = running.filter(({ readyAt }) => readyAt !== undefined)
  const starting = running.filter(({ readyAt }) => readyAt === undefined)
  const kill = (some: readonly Place[]): void => {
    for (const { worker } of some) worker?.process.kill('SIGKILL')
  }
  const endsOf = (some: readonly Place[]) => Promise.all(some.flatMap(({ ended }) => ended ?? []))
  const ended = Promise.all([endsOf(ready), endsOf(starting)])
  // Not by signal: a service manager sends its own to every process, and a second one ends a process at once.
  for (const place of ready) say(place, { stop: true })
  // One that is still starting may not listen yet to a word to stop. It serves nobody, so this is as safe as
  // a crash.
  kill(starting)
  const late = setTimeout(() => kill(ready), killMs)
  const [ends] = await ended
  clearTimeout(late)
  const codes = ends.map(({ code }) => code ?? 1)
  if (codes.some((code) => code !== 0)) throw new Error(`workers ended with ${codes.join(', ')}`)
}
