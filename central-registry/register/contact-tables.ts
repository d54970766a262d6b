/** Row types of the addresses of contacts, one to one with the migrations. Times that are not there are '', so that they have an order. */
import type { Generated } from 'kysely'

export type ContactAddressRow = {
  member: string
  /** In lower case. */
  address: string
  /** '' when it is not confirmed, and when it was refused since. */
  confirmed_until: string
  confirmed_at: string | null
  /** Who gave the code, in words. */
  confirmed_by: string | null
  /** Until when the code of the newest letter is good. */
  asked_until: string
  /** Since when the mail server takes nothing for it. */
  refused_at: string | null
  /** When the registry asks by itself. */
  ask_at: string
  /** Wrong codes since the newest letter. */
  tries: number
}

export type ContactTables = {
  /** Whom a version names; `address` as above. */
  contract_contact: { contract: string; version: number; member: string; address: string }
  contact_address: ContactAddressRow
  /** SHA-256 of codes that were sent. */
  contact_code: {
    id: Generated<number>
    member: string
    address: string
    digest: Buffer
    expires_at: string
  }
  /** Letters of the last day, which bound how many more there may be. `asked_by`: a member; '' for the registry. */
  contact_letter: {
    id: Generated<number>
    member: string
    address: string
    contract: string
    asked_by: string
    at: string
  }
}
