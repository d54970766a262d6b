/**
 * Runs a server process: starts or reports why not, prints one line when ready, drains on SIGTERM, SIGINT or
 * a lost parent.
 */
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import { collectOnce } from './collect-once.ts'
import { type HeapKind, keepHeapSmall } from './keep-heap-small.ts'
import { whileStarting } from './while-starting.ts'

export type Running = {
  /** Stops accepting work, ends running work, closes. */
  stop(): Promise<void>
  /** Text for the ready line after the name, above all addresses. */
  ready?: string | undefined
  /** How long `stop` may take, if not as usual. */
  drainMs?: number
}

const EXIT = { ok: 0, failed: 1, configuration: 2 } as const

const SUPERVISOR = 'supervisor'
const DRAIN_MS = 15_000
// By then the code for the first callers is loaded, and nobody waits for a server that has just started. A
// process that lives for minutes only, as in the sandbox of a test, does without it: it is up to half a
// second of a processor.
const COLLECT_MS = 600_000

/**
 * Runs a server to its end and sets the exit code: 0 after a clean drain, 1 if it failed or did not drain
 * within 15 s, 2 for a wrong configuration. A second signal ends the process at once. An uncaught exception
 * is logged and ends it: none of our guarantees needs an orderly end.
 */
export async function runProcess(q: {
  name: string
  log: Log
  /** May say before it resolves what a signal stops from then on. */
  start(onStart: (running: Running) => void): Promise<Running>
  /** `small` for an adapter. */
  heap?: HeapKind
  /** The line is for the process that started this one, which prints one for all. */
  isWorker?: boolean
}): Promise<void> {
  process.on('uncaughtExceptionMonitor', (thrown) =>
    q.log.fatal({ err: thrown }, 'uncaught: the process ends'),
  )
  let running: Running | undefined
  let stopping: string | undefined
  let isSignalled = false
  const stop = (why: string): void => {
    if (stopping !== undefined) process.exit(EXIT.failed)
    stopping = why
    q.log.info({ why }, 'draining')
    const afterMs = running?.drainMs ?? DRAIN_MS
    setTimeout(() => {
      q.log.error({ afterMs }, 'not drained in time')
      process.exit(EXIT.failed)
    }, afterMs).unref()
    // A signal during the start: ending here is as safe as a crash, so nothing needs draining.
    if (running === undefined) process.exit(EXIT.ok)
    running.stop().then(
      () => {
        q.log.info('stopped')
        process.exit(EXIT.ok)
      },
      (thrown: unknown) => {
        q.log.error({ err: thrown }, 'stopping failed')
        process.exit(EXIT.failed)
      },
    )
  }
  const onSignal = (signal: string): void => {
    // A service manager signals each process, and the word of the supervisor may be here first: they mean the
    // same, so the drain goes on.
    const isSecond = isSignalled || stopping !== SUPERVISOR
    isSignalled = true
    if (isSecond) stop(signal)
  }
  process.on('SIGTERM', () => onSignal('SIGTERM'))
  process.on('SIGINT', () => onSignal('SIGINT'))
  // If a parent that started us with an IPC channel dies (the sandbox, a test), we must not keep running.
  process.on('disconnect', () => stop('parent gone'))
  // A supervisor says it while the service manager may have sent a signal to each process, so it is no second
  // one.
  process.on('message', (message: unknown) => {
    const isStop = typeof message === 'object' && message !== null && 'stop' in message
    if (stopping === undefined && isStop) stop(SUPERVISOR)
  })
  try {
    running = await whileStarting(q.log, () =>
      q.start((early) => {
        running = early
      }),
    )
    if (stopping !== undefined) return
    keepHeapSmall(q.heap ?? 'large')
    const line = `${q.name} is ready${running.ready === undefined ? '' : ': ' + running.ready}`
    if (q.isWorker !== true) process.stdout.write(line + '\n')
    process.send?.({ ready: true, text: running.ready ?? '' })
    setTimeout(collectOnce, COLLECT_MS).unref()
  } catch (thrown) {
    const fault = asFault(thrown)
    // A person at a terminal sees both streams, and reads one line; of a bug the log line has the stack.
    const isSeen = process.stdout.isTTY === true && process.stderr.isTTY === true
    if (!isSeen || fault.code === 'internal_error') q.log.fatal({ err: thrown }, `${q.name} cannot start`)
    const text = fault.code === 'internal_error' && thrown instanceof Error ? thrown.message : fault.message
    process.stderr.write(`${q.name} cannot start: ${text}\n`)
    process.exit(fault.code === 'invalid_configuration' ? EXIT.configuration : EXIT.failed)
  }
}
