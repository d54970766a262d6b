/**
 * Makes log entries for what the registry did since the log last grew. Somebody who later rewrites the audit
 * log or the history of a contract contradicts leaves whose heads every server has seen.
 */
import type { Kysely } from 'kysely'
import {
  auditEntry,
  contractEntry,
  federationEntry,
  identityEntry,
  type LogEntry,
  restorationEntry,
} from '#core/configuration/log-head.ts'
import { newestAuditRow } from '#platform/audit-log/store.ts'
import type { RegisterTables } from '../../register/tables.ts'

type LoggedAct = {
  kind: 'audit-log' | 'contract' | 'federation' | 'restoration' | 'identity'
  reference: number
  entry: LogEntry
}

/** Events of each kind that one publication logs; the next publication logs further ones. */
const MOST_EVENTS = 1000

/**
 * Call this within the transaction of a publication. That transaction holds the register's lock, so contract
 * events are in the order of their ids.
 */
export async function unloggedActs(
  transaction: Kysely<RegisterTables>,
  instance: string,
): Promise<LoggedAct[]> {
  const audit = await newestAuditRow(transaction)
  const isNew = audit !== undefined && audit.sequence > (await newestLogged(transaction, 'audit-log'))
  const head: LoggedAct[] = isNew
    ? [
        {
          kind: 'audit-log',
          reference: audit.sequence,
          entry: auditEntry({ instance, records: audit.sequence, digest: audit.digest.toString('hex') }),
        },
      ]
    : []
  return [
    ...(await contractEvents(transaction, instance)),
    ...(await federationEvents(transaction, instance)),
    ...(await restorations(transaction, instance)),
    ...(await identityEntries(transaction, instance)),
    ...head,
  ]
}

async function contractEvents(transaction: Kysely<RegisterTables>, instance: string): Promise<LoggedAct[]> {
  const rows = await transaction
    .selectFrom('contract_event')
    .select(['id', 'contract', 'version', 'hash', 'act', 'at'])
    .where('id', '>', await newestLogged(transaction, 'contract'))
    .orderBy('id')
    .limit(MOST_EVENTS)
    .execute()
  return rows.map(({ id, ...event }) => ({
    kind: 'contract',
    reference: id,
    entry: contractEntry({ instance, ...event }),
  }))
}

async function federationEvents(transaction: Kysely<RegisterTables>, instance: string): Promise<LoggedAct[]> {
  const rows = await transaction
    .selectFrom('federation_event')
    .select(['id', 'instance as federated', 'anchor', 'act', 'at'])
    .where('id', '>', await newestLogged(transaction, 'federation'))
    .orderBy('id')
    .limit(MOST_EVENTS)
    .execute()
  return rows.map(({ id, ...event }) => ({
    kind: 'federation',
    reference: id,
    entry: federationEntry({ instance, ...event }),
  }))
}

async function restorations(transaction: Kysely<RegisterTables>, instance: string): Promise<LoggedAct[]> {
  const rows = await transaction
    .selectFrom('restoration')
    .select(['id', 'sha256 as content', 'accepted_at as at', 'configuration_index as above'])
    .where('id', '>', await newestLogged(transaction, 'restoration'))
    .orderBy('id')
    .limit(MOST_EVENTS)
    .execute()
  return rows.map(({ id, ...event }) => ({
    kind: 'restoration',
    reference: id,
    entry: restorationEntry({ instance, ...event }),
  }))
}

async function identityEntries(transaction: Kysely<RegisterTables>, instance: string): Promise<LoggedAct[]> {
  const rows = await transaction
    .selectFrom('did_entry')
    .innerJoin('did_subject', 'did_subject.path', 'did_entry.path')
    .select([
      'did_entry.id',
      'did_subject.did',
      'did_entry.version_id as version',
      'did_entry.sha256 as entry',
      'at',
    ])
    .where('did_entry.id', '>', await newestLogged(transaction, 'identity'))
    .orderBy('did_entry.id')
    .limit(MOST_EVENTS)
    .execute()
  return rows.map(({ id, ...event }) => ({
    kind: 'identity',
    reference: id,
    entry: identityEntry({ instance, ...event }),
  }))
}

async function newestLogged(transaction: Kysely<RegisterTables>, kind: LoggedAct['kind']): Promise<number> {
  const row = await transaction
    .selectFrom('log_entry')
    .select('reference')
    .where('kind', '=', kind)
    .orderBy('reference', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.reference ?? 0
}
