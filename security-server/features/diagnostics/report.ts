/**
 * A report for whoever helps: versions, settings, the state of each part, jobs, tests of connections, the
 * last faults by code. It has neither content of messages, nor names of people, nor secrets: it is put
 * together from what is named here, and texts that other programs wrote go through `harmless`.
 */
import { arch, availableParallelism, freemem, platform, release, totalmem, uptime } from 'node:os'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { recentFaults } from '#platform/logging/create-log.ts'
import { VERSION } from '#platform/process/version.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { asFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { connectionsOf } from './connections.ts'
import { diagnose } from './diagnostics.ts'
import { harmless } from './harmless.ts'
import type { Needs } from './needs.ts'
import { shownSettings } from './shown-settings.ts'

const FORMAT = 'concordat-diagnostic-report/1'
const TESTED = ['SELF', 'CONFIGURATION', 'REGISTRATION', 'TIME_STAMPING', 'OCSP'] as const
const DAY_MS = 86_400_000
const MOST_OUTCOMES = 30

export function reportHandlers(rooms: Needs): Handlers {
  return {
    makeDiagnosticReport: async ({ caller }) => {
      const { process: ownProcess, ...more } = whereItRuns()
      return harmless({
        format: FORMAT,
        madeAt: new Date(rooms.clock()).toISOString(),
        server: colonForm(idText(rooms.server)),
        process: ownProcess,
        machine: more,
        settings: shownSettings(rooms.settings),
        parts: await diagnose(rooms),
        jobs: await told(() => rooms.jobs.state()),
        configuration: configurationOf(rooms),
        messageLog: await told(() => logOf(rooms, caller)),
        connections: await Promise.all(
          TESTED.map(async (kind) => told(() => connectionsOf({ kind }, rooms), { kind })),
        ),
        lastFaults: recentFaults(rooms.log),
      })
    },
  }
}

function whereItRuns() {
  const { node, openssl, sqlite } = process.versions
  const { rss, heapUsed } = process.memoryUsage()
  return {
    process: {
      ...{ concordat: VERSION, node, openssl, sqlite, startedSecondsAgo: Math.round(process.uptime()) },
      ...{ rss, heapUsed },
    },
    ...{ platform: platform(), release: release(), arch: arch(), processors: availableParallelism() },
    ...{ memory: totalmem(), freeMemory: freemem(), upSeconds: Math.round(uptime()) },
  }
}

function configurationOf({ globalConfiguration }: Needs) {
  const { attempt, own, federated, federatedMissing } = globalConfiguration.state()
  return {
    lastSuccess: attempt.lastSuccess,
    lastError: attempt.lastError,
    expiresAt: own?.expiresAt,
    federated: federated.map(({ instance, isExpired, expiresAt }) => ({ instance, isExpired, expiresAt })),
    federatedMissing,
  }
}

/** How much there is and how the exchanges of the last day ended; which ones they were stays here. */
async function logOf({ messageLog, logFor, clock }: Needs, caller: Caller) {
  const hourOf = (time: number): string => new Date(time).toISOString().slice(0, 13)
  const { total, groups } = await logFor(caller).traffic({
    ...{ from: hourOf(clock() - DAY_MS), to: hourOf(clock() + DAY_MS / 24) },
    ...{ filter: {}, step: 'day', by: 'outcome', groups: MOST_OUTCOMES },
  })
  return {
    records: messageLog.size(),
    oldestUnstamped: messageLog.oldestUnstamped(),
    lastDay: { ...total, outcomes: groups },
  }
}

/** What cannot be found out is what the reader of the report wants to know. */
async function told<T, More extends object>(ask: () => T | Promise<T>, more?: More) {
  try {
    return await ask()
  } catch (thrown) {
    const { code, detail } = asFault(thrown)
    return { ...more, refused: code, detail }
  }
}
