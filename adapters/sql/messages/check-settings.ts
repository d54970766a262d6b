/**
 * What no schema can say about these settings: that each value of a statement is known, and that names
 * differ.
 */
import { checkMonitoring } from '#adapters/kit/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { checkDatabase } from '../check-settings.ts'
import { dialectOf } from '../dialects.ts'
import { readStatement } from './bind-event.ts'
import type { SqlMessagesSettings } from './settings.ts'

export function checkSettings(settings: SqlMessagesSettings, problem: Problem): void {
  const { outbox, receive, database } = settings
  checkMonitoring(settings.monitoring, problem)
  checkDatabase(database, problem)
  if (outbox === undefined && receive.length === 0)
    throw problem(['receive'], 'is empty, and there is no outbox')
  const names = new Set(['outbox'])
  for (const [at, one] of receive.entries()) {
    const fail = (key: string, what: string) => problem(['receive', String(at), key], what)
    if (names.has(one.name)) throw fail('name', 'is that of another one too')
    names.add(one.name)
    try {
      readStatement(one, dialectOf(database))
    } catch (cause) {
      throw fail('statement', (cause as Error).message)
    }
  }
}
