/** The life of a server process: start or say why not, one line when ready, drain on SIGTERM, SIGINT or a lost parent. */
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import { collectOnce } from './collect-once.ts'

export type Running = {
  /** Stops taking work, ends what runs, closes. */
  stop(): Promise<void>
  /** What the ready line says beside the name, addresses above all. */
  ready?: string | undefined
}

const EXIT = { ok: 0, failed: 1, configuration: 2 } as const

const DRAIN_MS = 15_000
// What the first callers need is loaded by then, and nobody waits for a server that has just started.
const COLLECT_MS = 60_000

/**
 * Runs a server to its end and sets the exit code: 0 after a clean drain, 1 when it failed or did not drain within
 * 15 s, 2 for a wrong configuration. A second signal ends at once. What nobody caught ends the process, logged: no
 * promise of ours depends on an orderly end.
 */
export async function runProcess(q: { name: string; log: Log; start(): Promise<Running> }): Promise<void> {
  process.on('uncaughtExceptionMonitor', (thrown) =>
    q.log.fatal({ err: thrown }, 'uncaught: the process ends'),
  )
  let running: Running | undefined
  let stopping = false
  const stop = (why: string): void => {
    if (stopping) process.exit(EXIT.failed)
    stopping = true
    q.log.info({ why }, 'draining')
    setTimeout(() => {
      q.log.error({ afterMs: DRAIN_MS }, 'not drained in time')
      process.exit(EXIT.failed)
    }, DRAIN_MS).unref()
    // A signal during the start: there is nothing to drain yet that a crash would not leave in order.
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
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  // A parent that runs us with a channel and dies (the sandbox, a test) must not leave us behind.
  process.on('disconnect', () => stop('parent gone'))
  try {
    running = await q.start()
    const line = `${q.name} is ready${running.ready === undefined ? '' : ': ' + running.ready}`
    process.stdout.write(line + '\n')
    process.send?.({ ready: true })
    setTimeout(collectOnce, COLLECT_MS).unref()
  } catch (thrown) {
    const fault = asFault(thrown)
    q.log.fatal({ err: thrown }, `${q.name} cannot start`)
    const text = fault.code === 'internal_error' && thrown instanceof Error ? thrown.message : fault.message
    process.stderr.write(`${q.name} cannot start: ${text}\n`)
    process.exit(fault.code === 'invalid_configuration' ? EXIT.configuration : EXIT.failed)
  }
}
