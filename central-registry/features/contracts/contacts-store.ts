/**
 * What members and the registry do about the contacts that a contract names. The content of the contract, and
 * thus its hash, does not change.
 */
import type { Kysely } from 'kysely'
import type { ContactConfirmation, ContactLetter, ContractContent } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Change } from '../../changes/store.ts'
import { addEvent, contentOf, noContract, versionsOf } from '../../contract-versions/rows-store.ts'
import { impossible } from '../../contract-versions/rules.ts'
import { type SignedWith, takeAct } from '../../documents/taken-store.ts'
import { askAgain, keyOf, type PutMail } from '../../members/contacts/letters-store.ts'
import { confirm, ownInstance } from '../../members/contacts/store.ts'
import { LIVE } from '../../register/live-contracts-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import type { ContractActs } from './acts-store.ts'

type Contact = ContractContent['contacts'][number]
type Named = Pick<Contact, 'member' | 'email'> & { contract: string }

export type ContractContacts = ReturnType<typeof createContractContacts>

export function createContractContacts({
  record,
  acts,
  put,
}: {
  record: Change
  acts: Pick<ContractActs, 'goOn'>
  /** Undefined when no mail server is configured. */
  put: PutMail | undefined
}) {
  /** Continues with versions, also of other contracts, that waited for this contact's confirmation. */
  async function goOnWith(transaction: Kysely<RegisterTables>, named: Named, at: string): Promise<void> {
    const { member, address } = keyOf(named)
    const waiting = await transaction
      .selectFrom('contract_contact')
      .innerJoin('contract_version', (join) =>
        join
          .onRef('contract_version.contract', '=', 'contract_contact.contract')
          .onRef('contract_version.version', '=', 'contract_contact.version'),
      )
      .select(['contract_version.contract', 'contract_version.version'])
      .where('contract_contact.member', '=', member)
      .where('contract_contact.address', '=', address)
      .where('contract_version.state', '=', 'ACCEPTED')
      .orderBy('contract_version.contract')
      .execute()
    for (const { contract, version } of waiting) {
      const rows = await versionsOf(transaction, contract)
      await acts.goOn(transaction, rows.find((one) => one.version === Number(version))!, at)
    }
  }

  async function ask(transaction: Kysely<RegisterTables>, named: Named, q: { by: string; at: string }) {
    if (put === undefined) throw impossible('this registry sends no e-mail')
    const { row, contact } = await findContact(transaction, named)
    const asked = { ...contact, contract: named.contract }
    await askAgain(transaction, asked, { ...q, own: await ownInstance(transaction), put })
    return row
  }

  return {
    /** Checks the code that a member enters. Throws `contact_not_confirmed` and counts the wrong code. */
    async confirm(confirmation: SignedWith<ContactConfirmation>, now: number): Promise<ContractRow> {
      const { signer, person, ...one } = confirmation
      const done = await record(async (transaction) => {
        const at = new Date(now).toISOString()
        await takeAct(transaction, confirmation, now)
        const named = { member: signer, email: one.email, contract: one.contract }
        const { row } = await findContact(transaction, named)
        const by = `${signer} (${person})`
        const became = await confirm(transaction, { ...named, code: one.code, by, now })
        if (became !== 'confirmed') return became
        await addEvent(transaction, row, { act: 'confirmContact', by, at })
        await goOnWith(transaction, named, at)
        return row
      })
      if ('not' in done) throw new Fault('contact_not_confirmed', { what: done.not })
      return done
    },
    /** Sends the letter again at the request of the contact's member. */
    sendAgain: (letter: SignedWith<ContactLetter>, now: number): Promise<ContractRow> =>
      record(async (transaction) => {
        await takeAct(transaction, letter, now)
        const { signer, contract, email } = letter
        const at = new Date(now).toISOString()
        return ask(transaction, { member: signer, email, contract }, { by: signer, at })
      }),
    /** Sends the letter again at the request of an administrator. */
    send: (named: Named, at: string): Promise<ContractRow> =>
      record((transaction) => ask(transaction, named, { by: '', at })),
  }
}

/**
 * The newest version, undecided or in force, that names the contact. Throws `not_found`, `access_denied` or
 * `contract_not_possible`.
 */
async function findContact(
  transaction: Kysely<RegisterTables>,
  { member, email, contract }: Named,
): Promise<{ row: ContractRow; contact: Contact }> {
  const rows = await versionsOf(transaction, contract)
  if (rows.length === 0) throw noContract(contract)
  const { address } = keyOf({ member, email })
  const found = rows.reverse().flatMap((row) => {
    const contact = contentOf(row).contacts.find(
      (one) => one.member === member && keyOf(one).address === address,
    )
    return contact === undefined ? [] : [{ row, contact }]
  })
  if (found.length === 0)
    throw new Fault('access_denied', { what: say`the contract names no such contact of this member` })
  const live = found.find(({ row }) => LIVE.includes(row.state))
  if (live === undefined) throw impossible('no version that is undecided or in force names this contact')
  return live
}
