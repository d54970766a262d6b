/**
 * A security server's message log as an auditor sees it: the verifier's verdict, and the content of each
 * record.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { openLogSource } from '#security-server/features/verification/checks/open-source.ts'
import { openRecord } from '#security-server/message-log/records/open-record.ts'
import type { WorldServer } from './world.ts'

/** The part of a record that tests of exchanges need. */
export type Entry = {
  index: number
  kind: string
  direction: string
  time: string
  outcome: string
  /** x-road-id and x-road-request-id. */
  id: string
  requestId: string
  /** Index of the record that this one closes. */
  answers: number | undefined
}

type Where = Pick<WorldServer, 'directory' | 'settingsFile'>

/**
 * Every record from the first on; `databaseUrl` for a log that is not in the embedded store. The log may be
 * in use.
 */
export async function readLog(server: Where, databaseUrl?: string): Promise<Entry[]> {
  const { source, close } = await openLogSource({
    databaseUrl: databaseUrl ?? `sqlite:${path.join(server.directory, 'message-log.db')}`,
    keyFolder: path.join(server.directory, 'log-keys'),
  })
  const entries: Entry[] = []
  try {
    for await (const record of source.records()) {
      const { kind, direction, time, outcome } = JSON.parse(record.form) as Record<string, string>
      const said = openRecord(record, source.findKey)?.metadata
      entries.push({
        index: record.idx,
        kind: kind!,
        direction: direction!,
        time: time!,
        outcome: outcome!,
        id: said?.id ?? '',
        requestId: said?.requestId ?? '',
        answers: said?.answers,
      })
    }
  } finally {
    await close()
  }
  return entries
}

/** The records of one exchange, such as "request, reply"; an outcome that is a fault is in brackets. */
export function storyOf(entries: Entry[], id: string): string {
  return entries
    .filter((entry) => entry.id === id)
    .map(({ kind, outcome }) => (outcome === '' || outcome === 'ok' ? kind : `${kind} (${outcome})`))
    .join(', ')
}

/** Requests that no record answers. */
export function openRequests(entries: Entry[]): Entry[] {
  const answered = new Set(entries.map(({ answers }) => answers))
  return entries.filter(({ kind, index }) => kind === 'request' && !answered.has(index))
}

/**
 * Runs `concordat log verify` with the server's settings; returns the problems that it found, none for an
 * intact log.
 */
export async function verifyLogOf(server: Where): Promise<unknown[]> {
  const program = path.join(import.meta.dirname, '../scripts/concordat')
  const child = spawn(program, ['log', 'verify', '--json', server.settingsFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const report = JSON.parse(await text(child.stdout)) as {
    ok?: boolean
    problems?: unknown[]
    error?: unknown
  }
  return report.ok === true ? [] : [report.error ?? report.problems]
}
