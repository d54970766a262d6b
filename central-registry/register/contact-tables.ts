/**
 * Row types of the addresses of contacts, one to one with the migrations. A missing time is '', so that times
 * can be compared.
 */
import type { Generated } from 'kysely'
import type { Whole } from '#schemas/sent-values.ts'

export type ContactAddressRow = {
  member: string
  /** The e-mail address in lower case. */
  address: string
  /** '' when it is not confirmed, or the mail server rejected it afterwards. */
  confirmed_until: string
  confirmed_at: string | null
  /** Who entered the code, in words. */
  confirmed_by: string | null
  /** The time until which the code of the newest letter is valid. */
  asked_until: string
  /** The time since when the mail server has rejected the address. */
  refused_at: string | null
  /** The time at which the registry asks on its own initiative. */
  ask_at: string
  /** Wrong codes since the newest letter. */
  tries: Whole
}

export type ContactTables = {
  /** The contacts that a version names; `address` in lower case. */
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
  /**
   * Letters of the last day, for the limits on further letters. `asked_by` is a member, or '' for the
   * registry.
   */
  contact_letter: {
    id: Generated<number>
    member: string
    address: string
    contract: string
    asked_by: string
    at: string
  }
}
