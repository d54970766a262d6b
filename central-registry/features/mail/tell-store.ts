/**
 * Puts e-mails into the outbox, each with the job that sends it, within the transaction of the event.
 * Guarantees that nobody is notified of an event that did not happen, and that each event is notified.
 */
import type { Kysely, Selectable } from 'kysely'
import { isAddress } from '#core/mail/mail-address.ts'
import type { Clock } from '#platform/clock.ts'
import { tablesOf, type Within } from '#platform/database/open-database.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import { idText, memberOf, parseClientId, parseServerId } from '#schemas/identifiers.ts'
import type { Happened } from '../../contract-versions/move-version-store.ts'
import { contentOf } from '../../contract-versions/rows-store.ts'
import { askWhereNeeded, type PutMail } from '../../members/contacts/letters-store.ts'
import { knownOf, ownInstance } from '../../members/contacts/store.ts'
import type { RegisterTables, SuspensionRow } from '../../register/tables.ts'
import { hasText } from './rules.ts'
import { addressesIn, insertMail } from './store.ts'
import type { Tables } from './tables.ts'

export const SEND_MAIL = 'send-mail'

export type Tell = ReturnType<typeof createTell>

export function createTell({ jobs, clock }: { jobs: Pick<Jobs, 'enqueue'>; clock: Clock }) {
  const put: PutMail = async (transaction, recipients, text, fields) => {
    const instance = (await ownInstance(transaction)) || '-'
    const mails = [...new Set(recipients)].map((recipient) => ({
      ...{ recipient, text, fields: { ...fields, instance } },
    }))
    const within = transaction
    for (const id of await insertMail(transaction, mails, new Date(clock()).toISOString()))
      await jobs.enqueue(SEND_MAIL, { mail: id }, { key: String(id), within })
  }

  return {
    put,
    /** Notifies the owner of the server and the member of the client of a decision on a request. */
    async request(within: Within, row: Selectable<RegisterTables['management_request']>): Promise<void> {
      const transaction = tablesOf<Tables>({ kysely: within })
      const text = `request.${row.state}`
      if (!hasText(text)) return
      const client = row.client === null ? [] : [idText(memberOf(parseClientId(row.client)))]
      await put(transaction, await addressesIn(transaction, [row.owner, ...client]), text, {
        ...{ request: String(row.id), kind: row.kind, server: encoded(row.server) },
        ...{ at: row.decided_at ?? '', reason: row.reason ?? '' },
      })
    },
    /**
     * Notifies the members of a contract at their own addresses. Once all have sealed it, confirmed contacts
     * are notified too; not before, because the proposer could name anybody. A proposal also asks unconfirmed
     * contacts for confirmation. For a sealed contract, if a member has no such address, its unconfirmed
     * contacts are notified, except those whose address the mail server rejected.
     */
    async contract(within: Within, { contract, version, event, members }: Happened): Promise<void> {
      const transaction = tablesOf<Tables>({ kysely: within })
      const row = await transaction
        .selectFrom('contract_version')
        .select(['title', 'content', 'valid_until', 'proposed_by'])
        .where('contract', '=', contract)
        .where('version', '=', version)
        .executeTakeFirstOrThrow()
      const content = contentOf(row)
      const now = new Date(clock()).toISOString()
      if (event === 'PROPOSED') {
        const parties = content.contacts.filter(({ member }) => members.includes(member))
        const asked = parties.map(({ member, email }) => ({ member, email, contract }))
        const own = await ownInstance(transaction)
        await askWhereNeeded(transaction, asked, { own, by: row.proposed_by, at: now, put })
      }
      const agreed = await transaction
        .selectFrom('contract_event')
        .select('act')
        .where('contract', '=', contract)
        .where('version', '=', version)
        .where('act', '=', 'complete')
        .executeTakeFirst()
      const contacts = agreed === undefined ? [] : await knownOf(transaction, content, now)
      const recipients: string[] = []
      for (const member of new Set([...members, ...contacts.map((one) => one.member)])) {
        const own = contacts.filter((one) => one.member === member)
        const confirmed = own.filter(({ state }) => state === 'CONFIRMED')
        const known = [...(await addressesIn(transaction, [member])), ...confirmed.map(({ email }) => email)]
        const last = own.filter(({ state }) => state === 'ASKED' || state === 'UNCONFIRMED')
        recipients.push(...(known.length > 0 ? known : last.map(({ email }) => email)))
      }
      const [kind, days = ''] = event.split('-') as [string, string?]
      const text = hasText(`contract.${kind}`) ? `contract.${kind}` : 'contract.other'
      await put(transaction, recipients.filter(isAddress), text, {
        ...{ contract, version: String(version), title: row.title, validUntil: row.valid_until },
        ...{ days, event: kind.toLowerCase() },
      })
    },
    /**
     * Notifies the member concerned: the member itself, or the owner of the subsystem, server or registered
     * certificate.
     */
    async suspension(within: Within, row: SuspensionRow): Promise<void> {
      const transaction = tablesOf<Tables>({ kysely: within })
      const member = await memberConcerned(transaction, row)
      if (member === undefined) return
      const isLifted = row.state === 'lifted'
      const text = isLifted ? 'suspension.lifted' : 'suspension.suspended'
      await put(transaction, await addressesIn(transaction, [member]), text, {
        ...{ kind: row.kind, subject: row.kind === 'certificate' ? row.subject : encoded(row.subject) },
        ...{ reason: row.reason, at: (isLifted ? row.lifted_at : row.suspended_at) ?? '' },
      })
    },
  }
}

async function memberConcerned(
  transaction: Kysely<Tables>,
  { kind, subject }: Pick<SuspensionRow, 'kind' | 'subject'>,
): Promise<string | undefined> {
  // The parties of a contract are notified of this like of any other event of the contract.
  if (kind === 'contract') return undefined
  if (kind === 'server') return idText(memberOf(parseServerId(subject)))
  if (kind !== 'certificate') return idText(memberOf(parseClientId(subject)))
  const row = await transaction
    .selectFrom('authentication_certificate')
    .innerJoin('security_server', 'security_server.id', 'authentication_certificate.server')
    .select('security_server.owner')
    .where('authentication_certificate.sha256', '=', subject)
    .executeTakeFirst()
  return row?.owner
}

/** An id in the form with colons that people write. */
function encoded(text: string): string {
  return text.split('/').map(decodeURIComponent).join(':')
}
