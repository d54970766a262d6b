/**
 * Work that is done again and again: looking for what is to be sent, taking what came to an inbox. Guarantees
 * that a failure ends nothing for good and is told to operators, and that stopping lets the step under way
 * end.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Handle, Inbox, WorkOptions } from '#adapters/client/index.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { backOff } from '#platform/jobs/back-off.ts'
import type { Log } from '#platform/logging/create-log.ts'

type Loop = {
  finding(): Finding
  /** Resolves when the step under way has ended. */
  stop(): Promise<void>
}

type Step = (signal: AbortSignal, trouble: (thrown: unknown) => void) => Promise<boolean>

const LONGEST_PAUSE_MS = 60_000
const ROUND_MS = 60_000

/**
 * `step` says whether there was something to do; it may tell a trouble that it goes on from, and is well
 * again when it returns.
 */
export function startLoop(q: { name: string; idleMs: number; log: Log; step: Step }): Loop {
  const ended = new AbortController()
  const { signal } = ended
  let reason: string | undefined
  const trouble = (thrown: unknown): void => {
    const why = thrown instanceof Error ? thrown.message : 'it failed'
    if (reason !== why) q.log.warn({ err: thrown, of: q.name }, 'it is tried again')
    reason = why
  }
  const run = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted; ) {
      let pauseMs = 0
      try {
        const wasBusy = await q.step(signal, trouble)
        if (failures > 0) q.log.info({ of: q.name }, 'it goes on')
        failures = 0
        reason = undefined
        pauseMs = wasBusy ? 0 : q.idleMs
      } catch (thrown) {
        if (signal.aborted) return
        trouble(thrown)
        pauseMs = backOff(++failures, Math.random(), LONGEST_PAUSE_MS)
      }
      if (pauseMs > 0) await wait(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    finding: () => (reason === undefined ? { ok: true } : { ok: false, reason: `${q.name}: ${reason}` }),
    stop: () => {
      ended.abort()
      return running
    },
  }
}

/** `handle` for each event of an inbox of ours: it is acknowledged when that has resolved. */
export function startInbox(q: {
  name: string
  inbox: Pick<Inbox, 'work'>
  handle: Handle
  log: Log
  options: Pick<WorkOptions, 'atOnce' | 'idleMs'>
}): Loop {
  return startLoop({
    ...{ name: q.name, log: q.log, idleMs: q.options.idleMs ?? 1000 },
    step: async (signal, trouble) => {
      // It begins anew now and then: what troubled it before is then no longer told.
      const round = AbortSignal.any([signal, AbortSignal.timeout(ROUND_MS)])
      await q.inbox.work(
        async (event, context) => {
          await q.handle(event, context)
          q.log.info({ of: q.name, delivery: event.delivery }, 'taken over')
        },
        { ...q.options, signal: round, onTrouble: trouble },
      )
      return true
    },
  })
}
